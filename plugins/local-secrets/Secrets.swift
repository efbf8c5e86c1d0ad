import PluginKit

/// What a file held when it was read. Never changed afterwards.
final class Secrets {
    struct Secret {
        var name: Str
        var firstPair: Int
        var pairCount: Int
    }

    private(set) var secrets: [Secret] = []
    private(set) var pairs: [octavo_pair] = []
    private var memory: [UnsafeMutableRawPointer] = []

    deinit {
        // Secrets don't stay in memory that others get.
        for pair in pairs where pair.value.count > 0 {
            explicit_bzero(UnsafeMutableRawPointer(mutating: UnsafeRawPointer(pair.value.data!)), pair.value.count)
        }
        for block in memory { free(block) }
    }

    /// A copy that lives as long as this object.
    private func keep(_ text: [UInt8]) -> Str {
        let block = malloc(max(text.count, 1))!
        text.withUnsafeBytes { if $0.count > 0 { memcpy(block, $0.baseAddress!, $0.count) } }
        memory.append(block)
        return Str(UnsafeRawPointer(block), text.count)
    }

    /// Adds a secret; one of the same name is replaced, as a later member of JSON replaces an earlier one.
    func add(_ name: [UInt8], _ values: [(name: [UInt8], value: [UInt8])]) {
        let first = pairs.count
        for value in values { pairs.append(octavo_pair(name: keep(value.name), value: keep(value.value))) }
        let secret = Secret(name: keep(name), firstPair: first, pairCount: values.count)
        for index in secrets.indices where secrets[index].name.equals(secret.name) {
            secrets[index] = secret
            return
        }
        secrets.append(secret)
    }

    func find(_ name: Str) -> Secret? {
        for secret in secrets where secret.name.equals(name) { return secret }
        return nil
    }

    /// A copy of the secret of that name; without pairs when there is none.
    func value(_ name: [UInt8]) -> SecretValue {
        var value = SecretValue(name: name)
        guard let secret = name.withUnsafeBytes({ find(Str($0)) }) else { return value }
        for pair in pairs[secret.firstPair..<secret.firstPair + secret.pairCount] { value.pairs.append((pair.name.array, pair.value.array)) }
        return value
    }
}
