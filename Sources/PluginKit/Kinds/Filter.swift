/// Looks at requests and responses on their way. Messages stay readable until their call has ended; an error ends the request,
/// which then goes nowhere. The head's metadata has `remote-address`, who asks, where it is known, and of a response
/// `header.NAME` for each header of its request.
open class Filter: Component {
    open func onRequest(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) { reply.pass() }
    /// Asked of filters alone whose type sees responses (`ComponentType.filter`).
    open func onResponse(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) { reply.pass() }
}

extension UnsafePointer<octavo_filter_message> {
    /// The first header of that name, which is given in small letters; absent without one.
    public func header(_ name: StaticString) -> Str { pointee.headers.pair(name) }
    /// Of a response: a header of its request as the peer sent it.
    public func requestHeader(_ name: StaticString) -> Str {
        let metadata = pointee.head.metadata, prefix = Str("header."), name = Str(name)
        for index in 0..<Int(metadata.count) {
            let pair = metadata.at(index, as: octavo_pair.self).pointee
            guard pair.name.count == prefix.count + name.count, pair.name.hasPrefix(prefix) else { continue }
            if Str(UnsafeRawPointer(pair.name.data!) + prefix.count, name.count).equals(name) { return pair.value }
        }
        return .absent
    }
    /// Who asks: an address without its port; absent when it is not known.
    public var remoteAddress: Str { pointee.head.metadata.pair("remote-address") }
}

/// What a filter changes of a message.
public struct FilterChanges {
    /// With its query; nil: as it is. Of requests alone.
    public var path: [UInt8]?
    /// 0: as it is. Of responses alone.
    public var status: Int32 = 0
    /// Replace those of the same name.
    public var set: [(name: [UInt8], value: [UInt8])] = []
    public var removed: [[UInt8]] = []
    /// nil: as it is.
    public var body: [UInt8]?

    public init() {}
}

public struct FilterReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// The message goes on as it is.
    public func pass() {
        var reply = empty(OCTAVO_FILTER_CONTINUE)
        call.complete(&reply)
    }

    /// It goes on with changes.
    public func change(_ changes: FilterChanges) { send(OCTAVO_FILTER_CHANGE, changes) }

    /// This is the answer: the request goes no further.
    public func answer(_ status: Int32, _ headers: [(name: [UInt8], value: [UInt8])] = [], body: [UInt8] = []) {
        var changes = FilterChanges()
        changes.status = status
        changes.set = headers
        changes.body = body
        send(OCTAVO_FILTER_ANSWER, changes)
    }

    private func empty(_ action: Int32) -> octavo_filter_reply {
        var reply = octavo_filter_reply()
        reply.size = UInt32(MemoryLayout<octavo_filter_reply>.size)
        reply.action = action
        return reply
    }

    /// All texts lie one behind the other for the time of the call.
    private func send(_ action: Int32, _ changes: FilterChanges) {
        var memory: [UInt8] = []
        for pair in changes.set { memory += pair.name + pair.value }
        for name in changes.removed { memory += name }
        memory += changes.path ?? []
        memory += changes.body ?? []
        // An empty text is not an absent one.
        memory.append(0)
        memory.withUnsafeBytes { bytes in
            var at = 0
            func take(_ count: Int) -> UnsafeRawBufferPointer {
                at += count
                return UnsafeRawBufferPointer(rebasing: bytes[at - count..<at])
            }
            var pairs: [octavo_pair] = [], names: [octavo_str] = []
            for pair in changes.set {
                let name = Str(take(pair.name.count)), value = Str(take(pair.value.count))
                pairs.append(octavo_pair(name: name, value: value))
            }
            for name in changes.removed { names.append(Str(take(name.count))) }
            var reply = empty(action)
            reply.status = changes.status
            if let path = changes.path { reply.path = Str(take(path.count)) }
            if let body = changes.body { reply.body = Bytes(take(body.count)) }
            pairs.withUnsafeBufferPointer { pairs in
                names.withUnsafeBufferPointer { names in
                    reply.set = octavo_list(pairs)
                    reply.removed = octavo_list(names)
                    call.complete(&reply)
                }
            }
        }
    }
}

func buildFilterTable(responses: Bool) -> UnsafePointer<octavo_filter_ops> {
    let ops = Static.room(for: octavo_filter_ops.self, 1)
    ops.pointee.size = UInt32(MemoryLayout<octavo_filter_ops>.size)
    ops.pointee.on_request = { pointer, call, message in
        with(pointer, as: Filter.self, call) { (it, call) throws(PluginError) in try it.onRequest(message, FilterReply(call)) }
    }
    guard responses else { return UnsafePointer(ops) }
    ops.pointee.on_response = { pointer, call, message in
        with(pointer, as: Filter.self, call) { (it, call) throws(PluginError) in try it.onResponse(message, FilterReply(call)) }
    }
    return UnsafePointer(ops)
}
