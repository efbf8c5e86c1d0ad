import COctavo
import NIOConcurrencyHelpers

/// A key of a state store as a reply shows it.
package struct Item: Equatable, Sendable {
    package var key: String
    /// `nil`: there is no such key.
    package var value: [UInt8]?
    package var etag: String?
    /// What the store says of the end of its time to live.
    package var expires: String?
    package var errorCode: Int32 = 0
    package var errorReason = ""
}

/// A state store, called in the terms of a test.
package struct StateCalls: Sendable {
    package let instance: any PluginCaller

    package init(_ instance: any PluginCaller) { self.instance = instance }

    package func get(_ key: String) throws -> Item? {
        let arena = Arena()
        var request = octavo_state_get_request()
        request.head = head(octavo_state_get_request.self)
        request.key = arena.str(key)
        let item = try instance.call(OCTAVO_STATE_OP_GET, request, arena) { reply -> Item? in
            let reply = reply.assumingMemoryBound(to: octavo_state_get_reply.self).pointee
            guard reply.flags & OCTAVO_STATE_FOUND != 0 else { return nil }
            return Item(
                key: key, value: bytes(reply.value) ?? [], etag: text(reply.etag),
                expires: elements(reply.metadata, of: octavo_pair.self).first { text($0.name) == "ttlExpireTime" }
                    .flatMap { text($0.value) })
        }
        return item ?? nil
    }

    /// A write or, without a value, a removal.
    package struct Write: Sendable {
        package var key: String
        package var value: [UInt8]?
        package var etag: String?
        package var isFirst = false
        /// Nanoseconds; 0 = the component's, -1 = never.
        package var ttl: Int64 = 0

        package init(key: String, value: [UInt8]?, etag: String? = nil, isFirst: Bool = false, ttl: Int64 = 0) {
            self.key = key
            self.value = value
            self.etag = etag
            self.isFirst = isFirst
            self.ttl = ttl
        }

        package static func set(_ key: String, _ value: String, etag: String? = nil, isFirst: Bool = false, ttl: Int64 = 0) -> Write {
            Write(key: key, value: Array(value.utf8), etag: etag, isFirst: isFirst, ttl: ttl)
        }
        package static func remove(_ key: String, etag: String? = nil) -> Write { Write(key: key, value: nil, etag: etag) }
    }

    private func raw(_ write: Write, _ arena: Arena) -> octavo_state_write {
        var raw = octavo_state_write()
        raw.key = arena.str(write.key)
        raw.value = arena.bytes(write.value)
        raw.etag = arena.str(write.etag)
        raw.ttl_ns = write.ttl
        raw.concurrency = write.isFirst ? OCTAVO_CONCURRENCY_FIRST_WRITE : OCTAVO_CONCURRENCY_UNSPECIFIED
        raw.operation = write.value == nil ? OCTAVO_STATE_REMOVE : OCTAVO_STATE_SET
        return raw
    }

    package func submit(_ write: Write, _ etag: @escaping @Sendable (String?) -> Void = { _ in }) -> () throws -> Void {
        let arena = Arena()
        var request = octavo_state_write_request()
        request.head = head(octavo_state_write_request.self)
        request.write = raw(write, arena)
        return instance.submit(write.value == nil ? OCTAVO_STATE_OP_REMOVE : OCTAVO_STATE_OP_SET, request, arena) { reply in
            etag(text(reply.assumingMemoryBound(to: octavo_state_write_reply.self).pointee.etag))
        }
    }

    @discardableResult
    package func write(_ write: Write) throws -> String? {
        let etag = NIOLockedValueBox<String?>(nil)
        try submit(write) { found in etag.withLockedValue { $0 = found } }()
        return etag.withLockedValue { $0 }
    }

    package func bulkGet(_ keys: [String]) throws -> [Item] {
        let arena = Arena()
        var request = octavo_state_bulk_get_request()
        request.head = head(octavo_state_bulk_get_request.self)
        request.keys = arena.list(keys.map { octavo_state_key(key: arena.str($0), consistency: 0, reserved: 0) })
        let items = try instance.call(OCTAVO_STATE_OP_BULK_GET, request, arena) { reply in
            StateCalls.items(reply.assumingMemoryBound(to: octavo_state_bulk_get_reply.self).pointee.items)
        }
        return items ?? []
    }

    private static func items(_ list: octavo_list) -> [Item] {
        elements(list, of: octavo_state_item.self).map { item in
            Item(
                key: text(item.key) ?? "", value: item.flags & OCTAVO_STATE_FOUND != 0 ? bytes(item.value) ?? [] : nil,
                etag: text(item.etag),
                expires: elements(item.metadata, of: octavo_pair.self).first.flatMap { text($0.value) },
                errorCode: item.error.code, errorReason: text(item.error.reason) ?? "")
        }
    }

    private func writes(_ writes: [Write], _ arena: Arena) -> octavo_state_writes_request {
        var request = octavo_state_writes_request()
        request.head = head(octavo_state_writes_request.self)
        request.writes = arena.list(writes.map { raw($0, arena) })
        return request
    }

    package func bulkWrite(_ list: [Write], removing: Bool = false) throws -> [Item] {
        let arena = Arena()
        let items = try instance.call(removing ? OCTAVO_STATE_OP_BULK_REMOVE : OCTAVO_STATE_OP_BULK_SET, writes(list, arena), arena) { reply in
            let reply = reply.assumingMemoryBound(to: octavo_state_bulk_write_reply.self).pointee
            return elements(reply.results, of: octavo_state_write_result.self).map {
                Item(
                    key: text($0.key) ?? "", value: nil, etag: text($0.etag), expires: nil, errorCode: $0.error.code,
                    errorReason: text($0.error.reason) ?? "")
            }
        }
        return items ?? []
    }

    package func transact(_ list: [Write]) throws {
        let arena = Arena()
        try instance.call(OCTAVO_STATE_OP_TRANSACT, writes(list, arena), arena) { _ in }
    }

    package func keys(_ pattern: String, isLike: Bool = false, limit: UInt32 = 0, token: String? = nil) throws -> ([String], String?) {
        let arena = Arena()
        var request = octavo_state_keys_request()
        request.head = head(octavo_state_keys_request.self)
        request.pattern = arena.str(pattern)
        request.token = arena.str(token)
        request.style = isLike ? OCTAVO_KEYS_LIKE : OCTAVO_KEYS_PREFIX
        request.limit = limit
        let keys = try instance.call(OCTAVO_STATE_OP_KEYS, request, arena) { reply in
            let reply = reply.assumingMemoryBound(to: octavo_state_keys_reply.self).pointee
            return (elements(reply.keys, of: octavo_str.self).map { text($0) ?? "" }, text(reply.token))
        }
        return keys ?? ([], nil)
    }

    package func removePrefix(_ prefix: String) throws -> UInt64 {
        let arena = Arena()
        var request = octavo_state_prefix_request()
        request.head = head(octavo_state_prefix_request.self)
        request.prefix = arena.str(prefix)
        let count = try instance.call(OCTAVO_STATE_OP_REMOVE_PREFIX, request, arena) {
            $0.assumingMemoryBound(to: octavo_state_count_reply.self).pointee.count
        }
        return count ?? 0
    }

    /// A comparison of a query; the root is the AND (or OR) of all.
    package struct Comparison: Sendable {
        package enum Value: Sendable { case text(String), number(Double), boolean(Bool), null }
        package var operation: Int32
        package var path: String
        package var values: [Value]

        package init(operation: Int32, path: String, values: [Value]) {
            self.operation = operation
            self.path = path
            self.values = values
        }
    }

    package func query(
        _ comparisons: [Comparison], any: Bool = false, sort: [(String, Bool)] = [], limit: UInt32 = 0, token: String? = nil
    ) throws -> ([Item], String?) {
        let arena = Arena()
        var nodes: [octavo_query_node] = []
        if !comparisons.isEmpty {
            var root = octavo_query_node()
            root.operation = any ? OCTAVO_QUERY_OR : OCTAVO_QUERY_AND
            root.first_child = 1
            root.child_count = UInt32(comparisons.count)
            nodes.append(root)
        }
        for comparison in comparisons {
            var node = octavo_query_node()
            node.operation = comparison.operation
            node.path = arena.str(comparison.path)
            node.values = arena.list(
                comparison.values.map { value in
                    var raw = octavo_query_value()
                    switch value {
                    case .text(let text): (raw.type, raw.text) = (OCTAVO_QUERY_TEXT, arena.str(text))
                    case .number(let number): (raw.type, raw.number) = (OCTAVO_QUERY_NUMBER, number)
                    case .boolean(let flag): (raw.type, raw.boolean) = (OCTAVO_QUERY_BOOLEAN, flag ? 1 : 0)
                    case .null: raw.type = OCTAVO_QUERY_NULL
                    }
                    return raw
                })
            nodes.append(node)
        }
        var request = octavo_state_query_request()
        request.head = head(octavo_state_query_request.self)
        request.key_prefix = arena.str("")
        request.nodes = arena.list(nodes)
        request.sort = arena.list(
            sort.map { octavo_query_sort(path: arena.str($0.0), descending: $0.1 ? 1 : 0, reserved: 0) })
        request.token = arena.str(token)
        request.limit = limit
        let page = try instance.call(OCTAVO_STATE_OP_QUERY, request, arena) { reply in
            let reply = reply.assumingMemoryBound(to: octavo_state_query_reply.self).pointee
            return (StateCalls.items(reply.items), text(reply.token))
        }
        return page ?? ([], nil)
    }
}
