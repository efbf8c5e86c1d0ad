import Components
import Testing

@testable import BuildingBlocks

/// A value that `AESGCM` of Python's `cryptography` sealed: Base64 of nonce, ciphertext and tag.
private struct Vector: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var key: String
    var plain: [UInt8]
    var sealed: String

    static let table: [Vector] = [
        Vector(
            testDescription: "AES-128", key: "49ac5de219edae62f9fdeea0fc3f3af4", plain: Array(#""hello""#.utf8),
            sealed: "fkevFY6dtU/F5JApmLF0Tqce1/LM0i+wmUH/GRKv53NcaS8="),
        Vector(
            testDescription: "AES-192", key: "227ba5f2c6c9109fe5c44a0696f393379607493a377f522e",
            plain: Array(#"{"a":[1,2,3]}"#.utf8), sealed: "ZU4sh9eCDL6xtbVQs+kyEy9CmQd2wkzCetJW7uOH7lbMK07Akwx56gU="),
        Vector(
            testDescription: "AES-256", key: "08F225FE08E94A5B1DA2DA4079FCD1A7647D375CC95624A6C6D65A6FC84B3243",
            plain: [0x00, 0xff, 0x80] + Array(" bytes".utf8), sealed: "6InTC4VCHozIMNFfDqqci9YsggOaMxZjP/i1aSANRO0S01yDxw=="),
        Vector(
            testDescription: "nothing", key: "3d3ee11c2fbf7f6a6b1e6aa16c382631ec5f1fbfc50ca3ba5a89d366d22eeaef", plain: [],
            sealed: "gBElE20ypih85CsmK/IxMweIJt/kfDE8VINcBg=="),
        Vector(
            testDescription: "a whole block", key: "a1788ce1d89fe8b456e26d4c37fd635633c259adc1ff7fffae353a5c73807b19",
            plain: Array("0123456789abcdef".utf8), sealed: "9UKd66tVmrM70wiCLBmLUs4I8loroWjwx5jsLa6UYMFb5cG5+NThpS3wRYI="),
        Vector(
            testDescription: "zeros, as NIST has them", key: String(repeating: "0", count: 64), plain: [UInt8](repeating: 0, count: 16),
            sealed: "AAAAAAAAAAAAAAAAzqdAPU1ga24HTsXTuvOdGNDRyKeZmWvwJluYtdSKuRk="),
    ]
}

private func encryption(primary: (String, String), secondary: (String, String)? = nil) -> ValueEncryption {
    var secrets = ["primaryencryptionkey": RuntimeSecrets.Secret(name: primary.0, value: primary.1)]
    if let secondary { secrets["secondaryencryptionkey"] = RuntimeSecrets.Secret(name: secondary.0, value: secondary.1) }
    return ValueEncryption(RuntimeSecrets(secrets))
}

private func read(_ stored: [UInt8], _ encryption: ValueEncryption) -> Result<[UInt8], ValueEncryption.Failure> {
    stored.withUnsafeBytes { encryption.decrypted($0) }
}

@Suite("Encrypted values")
struct ValueEncryptionTests {
    private let one = ("one", "49ac5de219edae62f9fdeea0fc3f3af4")
    private let two = ("two", "08f225fe08e94a5b1da2da4079fcd1a7647d375cc95624a6c6d65a6fc84b3243")

    @Test("that another implementation wrote are read", arguments: Vector.table)
    fileprivate func vectors(_ vector: Vector) throws {
        let stored = Array((vector.sealed + "||the key").utf8)
        #expect(try read(stored, encryption(primary: ("the key", vector.key))).get() == vector.plain)
        let secondary = encryption(primary: ("other", one.1), secondary: ("the key", vector.key))
        #expect(try read(stored, secondary).get() == vector.plain)
    }

    @Test("come back as they were, differ each time, and name the primary key", arguments: [0, 1, 15, 16, 17, 1000, 1 << 20])
    func roundTrip(size: Int) throws {
        let plain = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let encryption = encryption(primary: one, secondary: two)
        let stored = try encryption.encrypted(plain)
        #expect(stored.count == (size + 28 + 2) / 3 * 4 + "||one".utf8.count)
        #expect(stored.suffix(5) == Array("||one".utf8)[...])
        #expect(try read(stored, encryption).get() == plain)
        #expect(try encryption.encrypted(plain) != stored)
    }

    @Test("with one bit changed anywhere are refused")
    func tampered() throws {
        let encryption = encryption(primary: one)
        let stored = try encryption.encrypted(Array("a secret".utf8))
        let sealed = stored.count - "||one".utf8.count
        // The last character before the padding has bits that mean nothing.
        for index in 0..<sealed - 3 {
            var changed = stored
            changed[index] = changed[index] == 0x41 ? 0x42 : 0x41
            #expect(throws: ValueEncryption.Failure.self, "byte \(index)") { try read(changed, encryption).get() }
        }
    }

    @Test("that can't be read say why, and what to do", arguments: [
        ("fkevFY6dtU/F5JApmLF0Tqce1/LM0i+wmUH/GRKv53NcaS8=", "names no encryption key"),
        ("plain text", "names no encryption key"), ("||", "names no encryption key"), ("a||", "names no encryption key"),
        ("fkevFY6dtU/F5JApmLF0Tqce1/LM0i+wmUH/GRKv53NcaS8=||three", "key of secret three, and the component has one and two; name that secret in secondaryEncryptionKey"),
        ("fkevFY6dtU/F5JApmLF0Tqce1/LM0i+wmUH/GRKv53NcaS8=||two", "can't be decrypted with the key of secret two"),
        ("fkevFY6dtU/F5JApmLF0Tqce1/LM0i+wmUH/GRKv53NcaS8||one", "can't be decrypted"),
        ("fkevFY6dtU/F5JApmLF0Tqce1/LM0i+wmUH/GRKv53NcaS8=\n||one", "can't be decrypted"),
        (" kevFY6dtU/F5JApmLF0Tqce1/LM0i+wmUH/GRKv53NcaS8=||one", "can't be decrypted"),
        ("||one", "can't be decrypted"), ("====||one", "can't be decrypted"), ("AAAA||one", "can't be decrypted"),
        ("\u{0}\u{0}\u{0}\u{0}||one", "can't be decrypted"), ("a||b||one", "can't be decrypted"),
    ])
    func refused(stored: String, says: String) {
        let error = #expect(throws: ValueEncryption.Failure.self) {
            try read(Array(stored.utf8), encryption(primary: one, secondary: two)).get()
        }
        #expect(error?.cause.contains(says) == true, "\(error?.cause ?? "")")
        #expect(error?.cause.contains(one.1) == false)
    }

    @Test("that are empty were never encrypted")
    func empty() throws {
        #expect(try read([], encryption(primary: one)).get() == [])
    }

    @Test("are never written without a key that can be used", arguments: ["", "12", "zz", String(repeating: "g", count: 64)])
    func unusable(key: String) {
        #expect(throws: ValueEncryption.Failure.self) { try encryption(primary: ("one", key)).encrypted([1]) }
    }
}
