import PluginHTTP
import PluginKit

/// One reading of all secrets below the prefix: folder by folder, a few requests at a time. It lives until it has answered. On the
/// reactor thread.
final class SecretTree {
    private static let atOnce = 8
    private static let maxSecrets = 10_000
    private static let maxDepth = 32
    private static let maxBytes = 64 << 20

    private enum Step {
        case folder([UInt8])
        case secret([UInt8])
    }

    private let store: VaultStore
    private let version: [UInt8]
    private let reply: SecretsReply
    private var steps: [Step] = [.folder([])]
    private var underWay = 0
    private var names = 0
    private var bytes = 0
    private var found: [SecretValue] = []
    private var isOver = false

    init(_ store: VaultStore, version: [UInt8], _ reply: SecretsReply) {
        self.store = store
        self.version = version
        self.reply = reply
    }

    func begin() {
        while !isOver, underWay < SecretTree.atOnce, let step = steps.popLast() {
            guard reply.call.isOpen else { return fail(PluginError(OCTAVO_CODE_CANCELLED, "Nobody waits for the answer any more.")) }
            underWay += 1
            switch step {
            case .folder(let name):
                store.list(name, reply.call.deadline) { [self] result in
                    underWay -= 1
                    switch result {
                    case .failure(let error): fail(error)
                    case .success(let keys): take(keys, in: name)
                    }
                }
            case .secret(let name):
                store.read(name, version: version, reply.call.deadline) { [self] result in
                    underWay -= 1
                    switch result {
                    case .success(let secret): take(secret)
                    // Deleted, or there is no such version.
                    case .failure(let error) where error.code == OCTAVO_CODE_NOT_FOUND: begin()
                    case .failure(let error): fail(error)
                    }
                }
            }
        }
        guard !isOver, underWay == 0, steps.isEmpty else { return }
        isOver = true
        reply.secrets(found)
    }

    private func take(_ keys: [[UInt8]], in folder: [UInt8]) {
        names += keys.count
        guard names <= SecretTree.maxSecrets else {
            return fail(
                PluginError(
                    OCTAVO_CODE_RESOURCE_EXHAUSTED,
                    "There are more than \(SecretTree.maxSecrets) secrets below vaultKVPrefix, which is too many to read at once. Ask for single ones."))
        }
        let depth = folder.reduce(0) { $0 + ($1 == 0x2F ? 1 : 0) }
        for key in keys {
            // What no request could name is left out.
            let isFolder = key.last == 0x2F
            guard URLText.isBelow(isFolder ? [UInt8](key.dropLast()) : key), depth < SecretTree.maxDepth else { continue }
            steps.append(isFolder ? .folder(folder + key) : .secret(folder + key))
        }
        begin()
    }

    private func take(_ secret: SecretValue) {
        for pair in secret.pairs { bytes += pair.name.count + pair.value.count }
        guard bytes <= SecretTree.maxBytes else {
            return fail(PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The secrets below vaultKVPrefix have more than 64 MiB. Ask for single ones."))
        }
        found.append(secret)
        begin()
    }

    private func fail(_ error: PluginError) {
        if isOver { return }
        isOver = true
        steps = []
        reply.call.fail(error)
    }
}
