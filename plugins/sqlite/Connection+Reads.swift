import CSQLite
import PluginKit

extension Connection {
    /// Gives the row of a key, or `nil`, to `body`; what it points at is valid during the call.
    private func row(
        _ key: Str, _ moment: Str, _ body: (OpaquePointer?) throws(PluginError) -> Void
    ) throws(PluginError) {
        let statement = try prepared(.get)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        bind(statement, 1, key)
        bind(statement, 6, moment)
        let code = sqlite3_step(statement)
        guard code == SQLITE_ROW || code == SQLITE_DONE else { throw error(code) }
        try body(code == SQLITE_ROW ? statement : nil)
    }

    func get(_ key: Str, _ reply: GetReply) throws(PluginError) {
        let moment = Moment(plugin_kit_wall())
        defer { moment.deallocate() }
        try row(key, moment.text) { (statement) throws(PluginError) in
            guard let statement else { return reply.missing() }
            let etag = column(statement, 2), expiration = column(statement, 3)
            try Row.withValue(statement, 0) { value in
                withExpiration(expiration) { reply.found(value: value, etag: etag, metadata: $0) }
            }
        }
    }

    private func withExpiration(_ kept: Str, _ body: (octavo_list) -> Void) {
        guard kept.isPresent else { return body(.empty) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { text in
            guard Moment.seconds(kept, to: text.baseAddress!) else { return body(.empty) }
            let pair = octavo_pair(name: Str("ttlExpireTime"), value: Str(UnsafeRawPointer(text.baseAddress!), 20))
            withUnsafePointer(to: pair) { body(octavo_list(UnsafeBufferPointer(start: $0, count: 1))) }
        }
    }

    func bulkGet(_ keys: octavo_list, _ reply: BulkGetReply) throws(PluginError) {
        let moment = Moment(plugin_kit_wall())
        let items = ItemList(capacity: Int(keys.count))
        defer { moment.deallocate() }
        for index in 0..<Int(keys.count) {
            let key = keys.at(index, as: octavo_state_key.self).pointee.key
            try row(key, moment.text) { (statement) throws(PluginError) in
                guard let statement else { return items.addMissing(key) }
                let etag = column(statement, 2), expiration = column(statement, 3)
                try Row.withValue(statement, 0) { items.add(key, $0, etag, expiration) }
            }
        }
        items.withItems { reply.items($0) }
    }

    func keys(_ request: octavo_state_keys_request, _ reply: KeysReply) throws(PluginError) {
        let limit = request.limit == 0 ? 1000 : Int(min(request.limit, 1 << 20))
        let isLike = request.style == OCTAVO_KEYS_LIKE
        let statement = try prepared(isLike ? .keysLike : .keysByPrefix)
        let range = PrefixRange(request.pattern)
        let moment = Moment(plugin_kit_wall())
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
            moment.deallocate()
        }
        if isLike { bind(statement, 1, request.pattern) } else { range.bind(to: statement) }
        if request.token.isPresent { bind(statement, 3, request.token) }
        sqlite3_bind_int64(statement, 4, Int64(limit) + 1)
        bind(statement, 6, moment.text)
        let texts = TextList()
        var hasMore = false
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { break }
            guard code == SQLITE_ROW else { throw error(code) }
            if texts.count == limit {
                hasMore = true
                break
            }
            texts.add(column(statement, 0))
        }
        texts.withTexts { texts in
            reply.keys(texts, token: hasMore ? texts[texts.count - 1] : .absent)
        }
    }
}
