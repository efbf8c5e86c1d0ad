import COctavo

/// A name resolver, called in the terms of a test.
package struct NamesCalls: Sendable {
    package let instance: any PluginCaller

    package init(_ instance: any PluginCaller) { self.instance = instance }

    /// "host:port" of each instance, sorted.
    package func resolve(_ app: String, namespace: String = "") throws -> [String] {
        let arena = Arena()
        var request = octavo_names_resolve_request()
        request.head = head(octavo_names_resolve_request.self)
        request.app_id = arena.str(app)
        request.name_space = arena.str(namespace)
        let found = try instance.call(OCTAVO_NAMES_OP_RESOLVE, request, arena) { reply in
            let reply = reply.assumingMemoryBound(to: octavo_names_resolve_reply.self).pointee
            return elements(reply.addresses, of: octavo_names_address.self).map { "\(text($0.host) ?? "nothing"):\($0.port)" }
        }
        return found?.sorted() ?? []
    }

    /// An instance called `name`.
    package func advertise(_ app: String, _ name: String, _ host: String, _ port: Int, namespace: String = "") throws {
        try tell(OCTAVO_NAMES_OP_ADVERTISE, app, name, host, port, namespace)
    }

    package func withdraw(_ app: String, _ name: String, _ host: String, _ port: Int, namespace: String = "") throws {
        try tell(OCTAVO_NAMES_OP_WITHDRAW, app, name, host, port, namespace)
    }

    private func tell(_ op: Int32, _ app: String, _ name: String, _ host: String, _ port: Int, _ namespace: String) throws {
        let arena = Arena()
        var request = octavo_names_advertise_request()
        request.head = head(octavo_names_advertise_request.self)
        request.app_id = arena.str(app)
        request.name_space = arena.str(namespace)
        request.instance = arena.str(name)
        request.address.host = arena.str(host)
        request.address.port = UInt32(port)
        try instance.call(op, request, arena) { _ in }
    }
}
