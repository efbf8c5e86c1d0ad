/// The ends that a call may have, one type for each kind of reply. What a reply points at is copied
/// before the function returns.
public struct GetReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    @inline(__always)
    public func found(value: Bytes, etag: Str, contentType: Str = .absent, metadata: octavo_list = .empty) {
        var reply = octavo_state_get_reply(
            size: UInt32(MemoryLayout<octavo_state_get_reply>.size), flags: OCTAVO_STATE_FOUND, value: value, etag: etag,
            content_type: contentType, metadata: metadata)
        call.complete(&reply)
    }

    /// Found, and it expires at `expires` (seconds since 1970).
    public func found(value: Bytes, etag: Str, expires: Int64) {
        Timestamp.with(seconds: expires) { text in
            withUnsafePointer(to: octavo_pair(name: Str("ttlExpireTime"), value: text)) { pair in
                found(value: value, etag: etag, metadata: octavo_list(UnsafeBufferPointer(start: pair, count: 1)))
            }
        }
    }

    /// There is no such key.
    public func missing() {
        var reply = octavo_state_get_reply()
        reply.size = UInt32(MemoryLayout<octavo_state_get_reply>.size)
        call.complete(&reply)
    }
}

public struct WriteReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    @inline(__always)
    public func written(etag: Str) {
        var reply = octavo_state_write_reply(
            size: UInt32(MemoryLayout<octavo_state_write_reply>.size), flags: 0, etag: etag)
        call.complete(&reply)
    }

    /// Removed, or written by a store that does not know the new etag.
    public func done() { written(etag: .absent) }
}

public struct BulkGetReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// One item for each key, in their order.
    public func items(_ items: UnsafeBufferPointer<octavo_state_item>) {
        var reply = octavo_state_bulk_get_reply(
            size: UInt32(MemoryLayout<octavo_state_bulk_get_reply>.size), flags: 0, items: octavo_list(items))
        call.complete(&reply)
    }
}

public struct BulkWriteReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// One result for each write, in their order.
    public func results(_ results: UnsafeBufferPointer<octavo_state_write_result>) {
        var reply = octavo_state_bulk_write_reply(
            size: UInt32(MemoryLayout<octavo_state_bulk_write_reply>.size), flags: 0, results: octavo_list(results))
        call.complete(&reply)
    }
}

public struct EmptyReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    public func done() { call.done() }
}

public struct QueryReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// `token` is absent at the end.
    public func items(_ items: UnsafeBufferPointer<octavo_state_item>, token: Str) {
        var reply = octavo_state_query_reply(
            size: UInt32(MemoryLayout<octavo_state_query_reply>.size), flags: 0, items: octavo_list(items), token: token,
            metadata: .empty)
        call.complete(&reply)
    }
}

public struct KeysReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    /// `token` is absent at the end.
    public func keys(_ keys: UnsafeBufferPointer<octavo_str>, token: Str) {
        var reply = octavo_state_keys_reply(
            size: UInt32(MemoryLayout<octavo_state_keys_reply>.size), flags: 0, keys: octavo_list(keys), token: token)
        call.complete(&reply)
    }
}

public struct CountReply {
    public let call: Call
    public init(_ call: Call) { self.call = call }

    public func count(_ count: UInt64) {
        var reply = octavo_state_count_reply(
            size: UInt32(MemoryLayout<octavo_state_count_reply>.size), flags: 0, count: count)
        call.complete(&reply)
    }
}
