import CPluginKeys
public import PluginKit

/// JSON Web Keys (RFC 7517, 7518 §6, 8037) and sets of them.
public enum JSONWebKeys {
    /// The members of one key, as they were written.
    private struct Members {
        var values: [(name: [UInt8], value: [UInt8])] = []
        var uses: UInt32 = 0

        func text(_ name: StaticString) -> [UInt8] {
            for member in values where equal(member.name, name) { return member.value }
            return []
        }

        mutating func wipeAll() {
            for index in values.indices { wipe(&values[index].value) }
        }
    }

    private static func equal(_ bytes: [UInt8], _ word: StaticString) -> Bool { bytes.withUnsafeBytes { Str($0).equals(word) } }

    /// A file that holds one key. Throws the end of a sentence: "it …".
    public static func one(_ text: UnsafeRawBufferPointer) throws(PluginError) -> Key {
        var members = Members()
        try read(text) { path, value in
            if path.count == 1 { members.values.append((path[0], value)) }
            if path.count == 2, equal(path[0], "key_ops") { members.uses |= use(value) }
        }
        defer { members.wipeAll() }
        return try key(members)
    }

    /// The keys of a set that have a `kid`, by it. Of one that can't be used the reason is kept; others are not hurt.
    public static func set(_ text: UnsafeRawBufferPointer) throws(PluginError) -> [(kid: [UInt8], key: Key?, problem: String)] {
        var all: [(index: [UInt8], members: Members)] = []
        var isSet = false
        try read(text) { path, value in
            guard path.count >= 3, equal(path[0], "keys") else { return }
            isSet = true
            if all.last?.index != path[1] { all.append((path[1], Members())) }
            if path.count == 3 { all[all.count - 1].members.values.append((path[2], value)) }
            if path.count == 4, equal(path[2], "key_ops") { all[all.count - 1].members.uses |= use(value) }
        }
        guard isSet else { throw .invalid("it has no member keys with a key in it") }
        var found: [(kid: [UInt8], key: Key?, problem: String)] = []
        for index in all.indices {
            defer { all[index].members.wipeAll() }
            let kid = all[index].members.text("kid")
            if kid.isEmpty { continue }
            do throws(PluginError) {
                found.append((kid, try key(all[index].members), ""))
            } catch {
                found.append((kid, nil, error.message))
            }
        }
        return found
    }

    private static func read(_ text: UnsafeRawBufferPointer, _ leaf: @escaping ([[UInt8]], [UInt8]) -> Void) throws(PluginError) {
        do throws(PluginError) { try JSONReader.read(text, leaf: leaf) } catch {
            throw .invalid("it is no good JSON: \(error.message)")
        }
    }

    /// The bit of a word of `key_ops`; a word that we don't know permits nothing, but is one.
    private static func use(_ word: [UInt8]) -> UInt32 {
        for bit in 0..<6 {
            if let use = Key.Use(rawValue: 1 << UInt32(bit)), equal(word, use.word) { return use.rawValue }
        }
        return 1 << 31
    }

    private static func key(_ members: Members) throws(PluginError) -> Key {
        var uses = members.uses == 0 ? UInt32.max : members.uses
        let use = members.text("use")
        if equal(use, "enc") { uses &= Key.Use.encryption } else if equal(use, "sig") { uses &= Key.Use.signatures }
        return Key(try raw(members), uses: uses, algorithm: members.text("alg"))
    }

    private static func raw(_ members: Members) throws(PluginError) -> OpaquePointer {
        let type = members.text("kty")
        if equal(type, "oct") {
            var bytes = try number(members, "k")
            defer { wipe(&bytes) }
            return try withBytes(bytes) { (bytes) throws(PluginError) in try Key.made { crypto_key_symmetric(Bytes(bytes), $0) } }
        }
        let names: [StaticString] = ["n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y"]
        var numbers: [[UInt8]] = []
        for name in names { numbers.append(try number(members, name)) }
        defer { for index in numbers.indices { wipe(&numbers[index]) } }
        // Where each number lies, as long as `numbers` is not touched.
        var places: [Bytes] = []
        for numbers in numbers { places.append(numbers.withUnsafeBytes { $0.isEmpty ? .absent : Bytes($0) }) }
        let curve = members.text("crv")
        return try withBytes(curve) { (curve) throws(PluginError) in
            defer { withExtendedLifetime(numbers) {} }
            var parts = crypto_key_parts(
                n: places[0], e: places[1], d: places[2], p: places[3], q: places[4], dp: places[5], dq: places[6],
                qi: places[7], x: places[8], y: places[9], curve: Str(curve))
            if equal(type, "RSA") { return try Key.made { crypto_key_rsa(&parts, $0) } }
            if equal(type, "EC") { return try Key.made { crypto_key_ec(&parts, $0) } }
            if equal(type, "OKP") { return try Key.made { crypto_key_okp(&parts, $0) } }
            throw .invalid("its kty is none of oct, RSA, EC and OKP")
        }
    }

    private static func number(_ members: Members, _ name: StaticString) throws(PluginError) -> [UInt8] {
        let text = members.text(name)
        if text.isEmpty { return [] }
        guard let bytes = text.withUnsafeBytes({ Base64URL.decode($0) }) else {
            throw .invalid("its member \(Str(name).string) is not Base64")
        }
        return bytes
    }
}
