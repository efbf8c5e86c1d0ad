/// One request under way. It ends exactly once; a second end is answered by the runtime and changes
/// nothing. Any thread.
public struct Call {
    public let id: octavo_call

    public init(_ id: octavo_call) { self.id = id }

    /// Ends with a reply structure, copied before this returns.
    @inline(__always)
    public func complete(_ reply: UnsafeRawPointer?) { _ = table.pointee.complete(id, nil, reply) }

    /// Ends with an error.
    public func fail(_ error: PluginError) {
        error.withABI { _ = table.pointee.complete(id, $0, nil) }
    }

    /// Ends with an empty reply.
    public func done() { complete(nil) }

    /// Whether somebody still waits for the answer.
    public var isOpen: Bool { table.pointee.is_open(id) != 0 }

    /// When it must have ended, CLOCK_MONOTONIC; 0 = no deadline.
    public var deadline: Int64 { table.pointee.deadline(id) }

    /// Memory that ends up in the reply without another copy; `nil` when there is none to be had.
    public func replyBuffer(_ size: Int) -> UnsafeMutableRawBufferPointer? {
        var buffer = octavo_buffer()
        guard table.pointee.reply_buffer(id, UInt64(size), &buffer) == OCTAVO_OK, let data = buffer.data else { return nil }
        return UnsafeMutableRawBufferPointer(start: data, count: size)
    }
}
