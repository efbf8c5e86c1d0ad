import CPluginKeys
import PluginKeys
import PluginKit

/// A signed JSON Web Token (RFC 7519 and 7515 §7.1), taken apart. Nothing in it is true before `isSigned` has said so.
struct JSONToken {
    /// Why a token is refused, for whoever sent it.
    struct Refusal: Error {
        let cause: StaticString
        init(_ cause: StaticString) { self.cause = cause }
    }

    let algorithm: UnsafePointer<crypto_algorithm>
    /// Of the key.
    let kid: [UInt8]
    private let signed: [UInt8]
    private let signature: [UInt8]
    private let payload: [UInt8]

    static let maxSize = 16 << 10

    /// The only ones that are taken: none, and those with a secret that both sides know, are not among them.
    private static let algorithms: [StaticString] = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ]

    init(_ text: [UInt8]) throws(Refusal) {
        guard text.count <= Self.maxSize else { throw Refusal("the token is too long") }
        let parts = text.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw Refusal("the token is not three parts") }
        func decoded(_ part: ArraySlice<UInt8>) -> [UInt8]? {
            // Without padding, and in the one alphabet (RFC 7515 §2).
            if part.contains(where: { $0 == 0x3D || $0 == 0x2B || $0 == 0x2F }) { return nil }
            return part.withUnsafeBytes { Base64URL.decode($0) }
        }
        guard let head = decoded(parts[0]), let payload = decoded(parts[1]), let signature = decoded(parts[2]), !signature.isEmpty else {
            throw Refusal("the token is not Base64")
        }
        let members = try Self.members(head)
        // What must be understood is not.
        if members.contains(where: { $0.path[0].equals("crit") }) { throw Refusal("the token has a member crit") }
        let word = try Self.one("alg", members)
        guard Self.algorithms.contains(where: { word.equals($0) }), let algorithm = word.withUnsafeBytes({ crypto_algorithm_named(Str($0)) }) else {
            throw Refusal("the token is not signed by an algorithm that is taken")
        }
        kid = try Self.one("kid", members)
        guard !kid.isEmpty else { throw Refusal("the token does not name its key") }
        self.algorithm = algorithm
        self.signature = signature
        self.payload = payload
        signed = [UInt8](text[..<(parts[0].count + 1 + parts[1].count)])
    }

    private typealias Member = (path: [[UInt8]], value: [UInt8])
    private final class Members { var all: [Member] = [] }

    private static func members(_ text: [UInt8]) throws(Refusal) -> [Member] {
        let found = Members()
        let isRead = text.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes) { if !$0.isEmpty { found.all.append(($0, $1)) } }
                return true
            } catch { return false }
        }
        guard isRead else { throw Refusal("the token is no JSON") }
        return found.all
    }

    /// A member that is there once at most; empty without it.
    private static func one(_ name: StaticString, _ members: [Member]) throws(Refusal) -> [UInt8] {
        var value: [UInt8]?
        for member in members where member.path[0].equals(name) {
            guard value == nil, member.path.count == 1 else { throw Refusal("the token has a member twice, or one that is no text") }
            value = member.value
        }
        return value ?? []
    }

    /// Whether `key` has signed it.
    func isSigned(by key: Key) -> Bool {
        // Shorter keys of RSA may not be used (RFC 7518 §3.3).
        let isShort = crypto_key_kind(key.raw) == CRYPTO_KEY_RSA && crypto_room(algorithm, key.raw, 0) < 256
        let name = algorithm.pointee.name
        guard !isShort, key.permits(.verify), key.permits(Str(UnsafeRawPointer(name), strlen(name))) else { return false }
        var digest = [UInt8](repeating: 0, count: 64), der = [UInt8](repeating: 0, count: 160)
        var valid: Int32 = 0
        return signed.withUnsafeBytes { signed in
            signature.withUnsafeBytes { signature in
                digest.withUnsafeMutableBytes { digest in
                    der.withUnsafeMutableBytes { der in
                        var data = Bytes(signed), mark = Bytes(signature)
                        if algorithm.pointee.digest_size > 0 {
                            let out = digest.baseAddress!.assumingMemoryBound(to: UInt8.self)
                            guard crypto_digest(algorithm, data, out) != 0 else { return false }
                            data = Bytes(UnsafeRawPointer(out), Int(algorithm.pointee.digest_size))
                        }
                        if algorithm.pointee.family == Int32(CRYPTO_EC_SIGN.rawValue) {
                            // Both numbers have the size of the curve (RFC 7518 §3.4).
                            let size = algorithm.pointee.digest_size == 64 ? 132 : 2 * Int(algorithm.pointee.digest_size)
                            guard mark.count == size else { return false }
                            let out = der.baseAddress!.assumingMemoryBound(to: UInt8.self)
                            let length = crypto_ecdsa_der(mark, out)
                            guard length > 0 else { return false }
                            mark = Bytes(UnsafeRawPointer(out), length)
                        }
                        return crypto_verify(algorithm, key.raw, data, mark, &valid) == CRYPTO_DONE && valid == 1
                    }
                }
            }
        }
    }

    /// Whom and when it is for. `now`: seconds since 1970. Only of a token that is signed.
    func check(issuer: [UInt8], audiences: [[UInt8]], now: Int64, leeway: Int64) throws(Refusal) {
        let members = try Self.members(payload)
        guard try Self.one("iss", members).elementsEqual(issuer) else { throw Refusal("the token is of another issuer") }
        var isMeant = false
        for member in members where member.path[0].equals("aud") && member.path.count <= 2 {
            if audiences.contains(where: { $0.elementsEqual(member.value) }) { isMeant = true }
        }
        guard isMeant else { throw Refusal("the token is for another audience") }
        guard let end = try Self.time("exp", members) else { throw Refusal("the token does not say when it ends") }
        guard now < end + leeway else { throw Refusal("the token has expired") }
        if let begin = try Self.time("nbf", members), now < begin - leeway { throw Refusal("the token is not valid yet") }
    }

    /// A time in whole seconds, a part of one cut off.
    private static func time(_ name: StaticString, _ members: [Member]) throws(Refusal) -> Int64? {
        let text = try one(name, members)
        if text.isEmpty { return nil }
        var value: Int64 = 0, digits = 0
        var rest = text[...]
        while let digit = rest.first, digit >= 0x30, digit <= 0x39 {
            value = value * 10 + Int64(digit - 0x30)
            digits += 1
            rest = rest.dropFirst()
            guard digits <= 15 else { throw Refusal("a time of the token is not possible") }
        }
        if rest.first == 0x2E { rest = rest.dropFirst().drop { $0 >= 0x30 && $0 <= 0x39 } }
        guard digits > 0, rest.isEmpty else { throw Refusal("a time of the token is no number") }
        return value
    }
}
