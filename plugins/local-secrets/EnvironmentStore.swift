import PluginKit

/// `secretstores.local.env`. On event loops: it only looks at memory that nobody changes after the start.
final class EnvironmentStore: SecretStore {
    private let prefix: [UInt8]

    init(_ config: Config, _ instance: Instance) {
        prefix = config.text("prefix").array
        super.init(instance, Features(OCTAVO_SECRET_BULK))
    }

    /// The runtime's own tokens and settings are no secrets of the app.
    private static func isHidden(_ name: Str) -> Bool {
        name.hasPrefix(Str("DAPR_")) || name.hasPrefix(Str("OCTAVO_")) || name.hasPrefix(Str("APP_API_TOKEN"))
    }

    /// Calls `body` with the name (without the prefix) and the value of each variable that is a secret,
    /// until it returns `false`.
    private func forEach(_ body: (Str, Str) -> Bool) {
        guard var entry = plugin_kit_environment() else { return }
        prefix.withUnsafeBytes { prefix in
            while let text = entry.pointee {
                entry += 1
                guard let equals = strchr(text, 0x3D) else { continue }
                let name = Str(UnsafeRawPointer(text), equals - text)
                let value = Str(UnsafeRawPointer(equals + 1), strlen(equals + 1))
                guard name.hasPrefix(Str(prefix)), name.count > prefix.count, !EnvironmentStore.isHidden(name) else { continue }
                if !body(Str(UnsafeRawPointer(text) + prefix.count, name.count - prefix.count), value) { return }
            }
        }
    }

    override func get(_ request: UnsafePointer<octavo_secret_get_request>, _ reply: SecretReply) throws(PluginError) {
        var found = false
        forEach { name, value in
            guard name.equals(request.pointee.name) else { return true }
            found = true
            withUnsafePointer(to: octavo_pair(name: name, value: value)) {
                reply.pairs(UnsafeBufferPointer(start: $0, count: 1))
            }
            return false
        }
        if !found {
            throw PluginError(
                OCTAVO_CODE_NOT_FOUND,
                "There is no environment variable of this name (with the prefix), or it is one of the runtime's own.",
                reason: "SECRET_NOT_FOUND")
        }
    }

    override func bulkGet(_ request: UnsafePointer<octavo_secret_bulk_get_request>, _ reply: SecretsReply) throws(PluginError) {
        var pairs: [octavo_pair] = []
        forEach { name, value in
            pairs.append(octavo_pair(name: name, value: value))
            return true
        }
        pairs.withUnsafeBufferPointer { pairs in
            var secrets: [octavo_secret] = []
            secrets.reserveCapacity(pairs.count)
            for index in pairs.indices {
                let own = UnsafeBufferPointer(rebasing: pairs[index...index])
                secrets.append(octavo_secret(name: pairs[index].name, pairs: octavo_list(own)))
            }
            secrets.withUnsafeBufferPointer { reply.secrets($0) }
        }
    }
}
