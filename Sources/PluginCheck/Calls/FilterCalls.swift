import COctavo

/// A filter, called in the terms of a test.
package struct FilterCalls: Sendable {
    /// What it has said.
    package struct Said: Sendable {
        package var action: Int32 = 0
        package var status: Int32 = 0
        package var path: String?
        package var set: [String] = []
    }

    package let instance: any PluginCaller

    package init(_ instance: any PluginCaller) { self.instance = instance }

    package func request(
        _ method: String, _ path: String, _ headers: [(String, String)] = [], body: [UInt8]? = nil, from peer: String? = "127.0.0.1"
    ) throws -> Said {
        let arena = Arena()
        var message = octavo_filter_message()
        message.head = head(octavo_filter_message.self)
        if let peer { message.head.metadata = pairs([("remote-address", peer)], arena) }
        message.method = arena.str(method)
        message.path = arena.str(path)
        message.headers = pairs(headers, arena)
        if let body { message.body = arena.bytes(body) }
        let said = try instance.call(OCTAVO_FILTER_OP_ON_REQUEST, message, arena) { reply in
            let reply = reply.assumingMemoryBound(to: octavo_filter_reply.self).pointee
            var said = Said()
            said.action = reply.action
            said.status = reply.status
            said.path = text(reply.path)
            said.set = elements(reply.set, of: octavo_pair.self).map { text($0.name) ?? "" }
            return said
        }
        return said ?? Said()
    }

    private func pairs(_ pairs: [(String, String)], _ arena: Arena) -> octavo_list {
        arena.list(pairs.map { octavo_pair(name: arena.str($0.0), value: arena.str($0.1)) })
    }
}
