import TextSearch
/// The keys that a state store's values are encrypted with. Source: Dapr's `primaryEncryptionKey` and
/// `secondaryEncryptionKey`, texts of hexadecimal digits out of a secret store.
struct EncryptionKeyCheck {
    /// Hexadecimal digits of a key of AES-128, AES-192 and AES-256.
    private static let lengths = [32, 48, 64]

    /// What is wrong with the keys of a definition whose references are resolved; no message holds a key.
    static func problems(_ definition: ComponentDefinition) -> [String] {
        let primary = setting("primaryencryptionkey", definition)
        let secondary = setting("secondaryencryptionkey", definition)
        var problems = [primary, secondary].compactMap { $0.flatMap(problem) }
        if let secondary, primary == nil {
            problems.append(
                "\(secondary.name) is for reading what was written with an earlier key; give primaryEncryptionKey, too")
        }
        if let one = primary?.reference, let other = secondary?.reference, one.name == other.name {
            problems.append(
                "primaryEncryptionKey and secondaryEncryptionKey are both in the secret \(one.name), and values name "
                    + "the secret that they were written with; put each key into a secret of its own")
        }
        return problems
    }

    /// One that is written without a value asks for nothing.
    private static func setting(_ name: String, _ definition: ComponentDefinition) -> ComponentDefinition.Setting? {
        definition.metadata.first { $0.name.lowercased() == name && ($0.reference != nil || !$0.value.isEmpty) }
    }

    private static func problem(_ setting: ComponentDefinition.Setting) -> String? {
        guard let reference = setting.reference else {
            return "\(setting.name) must come by secretKeyRef: the name of the secret is stored with each value, and "
                + "tells later which key it needs"
        }
        if reference.name.contains(text: "||") {
            return "\(setting.name): the secret's name \(reference.name) can't contain '||', which separates it from the value"
        }
        let digits = setting.value.utf8
        guard lengths.contains(digits.count) else {
            return "\(setting.name) must be 32, 48 or 64 hexadecimal digits (AES-128, AES-192 or AES-256), the secret "
                + "\(reference.name) has \(digits.count) characters"
        }
        guard digits.allSatisfy({ hexadecimalDigit($0) != nil }) else {
            return "\(setting.name) must be hexadecimal digits, the secret \(reference.name) holds other characters"
        }
        return nil
    }
}

/// The value of a hexadecimal digit; `nil` for any other character.
package func hexadecimalDigit(_ character: UInt8) -> UInt8? {
    switch character {
    case 0x30...0x39: character - 0x30
    case 0x41...0x46: character - 0x37
    case 0x61...0x66: character - 0x57
    default: nil
    }
}
