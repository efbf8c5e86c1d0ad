package import COctavo
package import Components
import TextSearch

/// A state store as one event loop sees it. Used on that loop alone.
package final class StateStore {
    package let ref: ComponentRef
    package let name: String
    /// Put in front of every key.
    let prefix: [UInt8]
    /// A literal prefix that holds the separator: nothing can be stored under it.
    private let illegalPrefix: String?

    /// Made of `secrets`, which are other ones after a start and a reload.
    private var cipher: ValueEncryption?
    private var secrets: RuntimeSecrets?

    init(_ ref: ComponentRef, identity: AppIdentity) {
        self.ref = ref
        name = ref.name
        let setting = ref.runtimeSettings["keyprefix"]
        prefix = Array(KeyPrefix.text(setting: setting, component: ref.name, identity: identity).utf8)
        illegalPrefix = setting.flatMap { $0.contains(text: KeyPrefix.separator) ? $0 : nil }
    }

    /// How values are encrypted; `nil` for a store that keeps them as they are.
    var encryption: ValueEncryption? {
        guard let current = ref.secrets else { return nil }
        if secrets !== current {
            secrets = current
            cipher = ValueEncryption(current)
        }
        return cipher
    }

    package func supports(_ feature: UInt64) -> Bool { ref.features & feature == feature }

    func check(_ key: UnsafeRawBufferPointer) -> StateFailure? {
        if let illegalPrefix { return .illegalKey(store: name, key: illegalPrefix) }
        return KeyPrefix.isIllegal(key) ? .illegalKey(store: name, key: String(decoding: key, as: UTF8.self)) : nil
    }

    /// A stored key without this store's prefix.
    package func shown(_ key: octavo_str) -> String {
        let bytes = key.bytes
        guard bytes.count >= prefix.count, bytes.prefix(prefix.count).elementsEqual(prefix) else { return String(key) }
        return String(decoding: bytes.dropFirst(prefix.count), as: UTF8.self)
    }

    /// Runs `body` when a store that starts on demand has done so; at once for every other.
    func whenReady(_ body: @escaping () -> Void) {
        if ref.startsOnDemand { ref.whenSettled(body) } else { body() }
    }
}
