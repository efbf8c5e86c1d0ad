import COctavo
import Components

/// One item of configuration.
package struct ConfigurationItem: Sendable, Equatable {
    package var key: String
    /// Nil: it was removed.
    package var value: String?
    /// Empty when the store has none.
    package var version: String
    package var metadata: [(String, String)]

    package init(key: String, value: String?, version: String = "", metadata: [(String, String)] = []) {
        self.key = key
        self.value = value
        self.version = version
        self.metadata = metadata
    }

    /// A copy of what a plugin gave.
    init(_ raw: octavo_configuration_item) {
        key = String(raw.key)
        value = raw.value.isPresent ? String(raw.value) : nil
        version = String(raw.version)
        metadata = raw.metadata.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) }
    }

    package static func == (one: Self, other: Self) -> Bool {
        one.key == other.key && one.value == other.value && one.version == other.version
            && one.metadata.elementsEqual(other.metadata) { $0 == $1 }
    }

    /// Tells two states of the item apart; what is kept of an item instead of itself.
    var fingerprint: Int {
        var hasher = Hasher()
        hasher.combine(value)
        hasher.combine(version)
        for (name, value) in metadata {
            hasher.combine(name)
            hasher.combine(value)
        }
        return hasher.finalize()
    }

    /// Bytes that a request takes for it.
    var size: Int {
        key.utf8.count + (value?.utf8.count ?? 0) + version.utf8.count + 8
            + metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
    }
}
