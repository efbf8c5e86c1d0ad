/// What the runtime has opened to be delivered to. Any thread.
public struct Source: Equatable {
    public let id: octavo_source

    public init(_ id: octavo_source) { self.id = id }

    /// Hands over a message: the structure of the source's kind, copied before this returns. `false`: the source has
    /// ended, or may not be delivered to now.
    @discardableResult
    public func deliver(_ message: UnsafeRawPointer, token: UInt64 = 0) -> Bool {
        table.pointee.deliver(id, token, message) == OCTAVO_OK
    }

    /// It ended by itself: the runtime opens another one.
    public func fail(_ error: PluginError) {
        error.withABI { _ = table.pointee.source_failed(id, $0) }
    }
}
