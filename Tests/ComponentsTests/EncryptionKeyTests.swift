import Testing

@testable import Components

@Suite("Encryption keys of a state store")
struct EncryptionKeyTests {
    private static let key = String(repeating: "0f", count: 32)

    private struct Setting {
        var name: String
        var secret: String?
        var value: String
    }

    private func problems(_ settings: [Setting]) -> [String] {
        EncryptionKeyCheck.problems(
            ComponentDefinition(
                name: "store", type: "state.x",
                metadata: settings.map { setting in
                    var one = ComponentDefinition.Setting(name: setting.name, value: setting.value, isSecret: setting.secret != nil)
                    one.reference = setting.secret.map { .init(store: "vault", name: $0, key: "") }
                    return one
                }))
    }

    @Test("are hexadecimal digits of three lengths", arguments: [32, 48, 64])
    func good(digits: Int) {
        let key = String(repeating: "aF0", count: 22).prefix(digits)
        #expect(problems([Setting(name: "primaryEncryptionKey", secret: "one", value: String(key))]) == [])
        let both = [
            Setting(name: "PRIMARYENCRYPTIONKEY", secret: "one", value: String(key)),
            Setting(name: "secondaryencryptionkey", secret: "two", value: Self.key),
        ]
        #expect(problems(both) == [])
    }

    @Test("that are wrong are refused without being shown", arguments: [
        ("", "must be 32, 48 or 64 hexadecimal digits (AES-128, AES-192 or AES-256), the secret one has 0 characters"),
        ("0f0f", "must be 32, 48 or 64 hexadecimal digits (AES-128, AES-192 or AES-256), the secret one has 4 characters"),
        (String(repeating: "0", count: 33), "the secret one has 33 characters"),
        (String(repeating: "s", count: 32), "must be hexadecimal digits, the secret one holds other characters"),
        (String(repeating: "0", count: 31) + "\n", "holds other characters"),
    ])
    func wrong(key: String, says: String) {
        for name in ["primaryEncryptionKey", "secondaryEncryptionKey"] {
            var settings = [Setting(name: name, secret: "one", value: key)]
            if name.hasPrefix("s") { settings.append(Setting(name: "primaryEncryptionKey", secret: "two", value: Self.key)) }
            let found = problems(settings)
            #expect(found.count == 1 && found[0].hasPrefix(name) && found[0].contains(says), "\(found)")
            #expect(key.isEmpty || !found.joined().contains(key))
        }
    }

    @Test("come out of a secret store, each under a name of its own")
    func sources() {
        let plain = problems([Setting(name: "primaryEncryptionKey", secret: nil, value: Self.key)])
        #expect(plain.count == 1 && plain[0].hasPrefix("primaryEncryptionKey must come by secretKeyRef"), "\(plain)")
        #expect(!plain.joined().contains(Self.key))
        let alone = problems([Setting(name: "secondaryEncryptionKey", secret: "one", value: Self.key)])
        #expect(alone.count == 1 && alone[0].contains("give primaryEncryptionKey, too"), "\(alone)")
        let same = problems(["primaryEncryptionKey", "secondaryEncryptionKey"].map { Setting(name: $0, secret: "one", value: Self.key) })
        #expect(same.count == 1 && same[0].contains("are both in the secret one"), "\(same)")
        let bars = problems([Setting(name: "primaryEncryptionKey", secret: "a||b", value: Self.key)])
        #expect(bars.count == 1 && bars[0].contains("can't contain '||'"), "\(bars)")
        #expect(problems([Setting(name: "primaryEncryptionKey", secret: nil, value: "")]) == [])
    }
}
