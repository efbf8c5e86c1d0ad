import COctavo

/// A secret store, called in the terms of a test.
package struct SecretCalls: Sendable {
    package let instance: any PluginCaller

    package init(_ instance: any PluginCaller) { self.instance = instance }

    /// The pairs of one secret.
    package func get(_ name: String) throws -> [String: String] {
        let arena = Arena()
        var request = octavo_secret_get_request()
        request.head = head(octavo_secret_get_request.self)
        request.name = arena.str(name)
        let pairs = try instance.call(OCTAVO_SECRET_OP_GET, request, arena) { reply in
            var pairs: [String: String] = [:]
            let list = reply.assumingMemoryBound(to: octavo_secret_get_reply.self).pointee.pairs
            for pair in elements(list, of: octavo_pair.self) { pairs[text(pair.name) ?? ""] = text(pair.value) }
            return pairs
        }
        return pairs ?? [:]
    }

    /// All secrets, by name.
    package func all() throws -> [String: [String: String]] {
        var request = octavo_secret_bulk_get_request()
        request.head = head(octavo_secret_bulk_get_request.self)
        let secrets = try instance.call(OCTAVO_SECRET_OP_BULK_GET, request, Arena()) { reply in
            var secrets: [String: [String: String]] = [:]
            let list = reply.assumingMemoryBound(to: octavo_secret_bulk_get_reply.self).pointee.secrets
            for secret in elements(list, of: octavo_secret.self) {
                var pairs: [String: String] = [:]
                for pair in elements(secret.pairs, of: octavo_pair.self) { pairs[text(pair.name) ?? ""] = text(pair.value) }
                secrets[text(secret.name) ?? ""] = pairs
            }
            return secrets
        }
        return secrets ?? [:]
    }
}
