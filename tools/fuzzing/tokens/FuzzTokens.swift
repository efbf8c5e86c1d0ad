import CPluginKeys
import PluginKeys
import PluginKit

// Reads a token and a set of keys, checks the one by the other as the bearer filter does.
//
// The first byte says what the lines of the input are: `t` a token and keys; `j` the head and the claims of a token as they are before Base64,
// its signature in Base64, and keys; `s` the same without the signature, which is made by the key that the head names, if that can sign.

/// libFuzzer's entry: one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func run(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: size))
    guard let mode = bytes.first else { return 0 }
    let count = mode == UInt8(ascii: "t") ? 2 : mode == UInt8(ascii: "j") ? 4 : mode == UInt8(ascii: "s") ? 3 : 0
    var lines = bytes.dropFirst().split(separator: 0x0A, maxSplits: max(count - 1, 0), omittingEmptySubsequences: false).map { [UInt8]($0) }
    guard count > 0, lines.count == count, let last = lines.popLast() else { return 0 }
    let keys = keys(last)
    switch mode {
    case UInt8(ascii: "t"): judge(lines[0], keys)
    case UInt8(ascii: "j"): judge(unsigned(lines[0], lines[1]) + [0x2E] + lines[2], keys)
    default:
        let text = unsigned(lines[0], lines[1])
        guard let token = token(text + Array(".AA".utf8)), let key = keys.first(where: { same($0.kid, token.kid) })?.key else { return 0 }
        judge(text + [0x2E] + signature(text, token, key), keys)
    }
    return 0
}

private typealias Keys = [(kid: [UInt8], key: Key?, problem: String)]

private func keys(_ text: [UInt8]) -> Keys {
    let found = text.withUnsafeBytes { bytes -> Keys? in
        do throws(PluginError) { return try JSONWebKeys.set(bytes) } catch { return nil }
    } ?? []
    for one in found where one.kid.isEmpty || (one.key == nil) == (one.problem.utf8.count == 0) { fatalError("a key without a name or a reason") }
    return found
}

private func same(_ one: [UInt8], _ other: [UInt8]) -> Bool { one.elementsEqual(other) }

private func base64(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    bytes.withUnsafeBytes { Base64URL.encode($0, to: &text) }
    let back = text.withUnsafeBytes { Base64URL.decode($0) }
    guard let back, same(back, bytes) else { fatalError("Base64 that is not its own inverse") }
    return text
}

private func unsigned(_ head: [UInt8], _ claims: [UInt8]) -> [UInt8] { base64(head) + [0x2E] + base64(claims) }

private func token(_ text: [UInt8]) -> JSONToken? {
    do throws(JSONToken.Refusal) { return try JSONToken(text) } catch {
        guard error.cause.utf8CodeUnitCount > 0 else { fatalError("no cause") }
        return nil
    }
}

private func judge(_ text: [UInt8], _ keys: Keys) {
    guard let token = token(text) else { return }
    guard !token.kid.isEmpty, text.count <= JSONToken.maxSize else { fatalError("a token that may not be") }
    check(token)
    for one in keys {
        guard let key = one.key, token.isSigned(by: key) else { continue }
        guard token.isSigned(by: key), crypto_key_kind(key.raw) != CRYPTO_KEY_SYMMETRIC else { fatalError("a signature that is none") }
        // Of another text it is none.
        var other = text
        guard let dot = other.firstIndex(of: 0x2E), let end = other.lastIndex(of: 0x2E), end > dot + 1 else { fatalError("no parts") }
        other[dot + 1] = other[dot + 1] == UInt8(ascii: "e") ? UInt8(ascii: "f") : UInt8(ascii: "e")
        do throws(JSONToken.Refusal) {
            if try JSONToken(other).isSigned(by: key) { fatalError("a signature of two texts") }
        } catch {}
    }
}

private func check(_ token: JSONToken) {
    do throws(JSONToken.Refusal) {
        try token.check(issuer: Array("https://a".utf8), audiences: [Array("b".utf8)], now: 1_800_000_000, leeway: 300)
    } catch {
        guard error.cause.utf8CodeUnitCount > 0 else { fatalError("no cause") }
    }
}

private func signature(_ text: [UInt8], _ token: JSONToken, _ key: Key) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 64)
    var out = [UInt8](repeating: 0, count: max(1, crypto_room(token.algorithm, key.raw, text.count)))
    let written = text.withUnsafeBytes { text in
        digest.withUnsafeMutableBytes { digest in
            out.withUnsafeMutableBytes { out -> Int in
                let algorithm = token.algorithm
                var job = crypto_job()
                job.data = Bytes(text)
                if algorithm.pointee.digest_size > 0 {
                    let place = digest.baseAddress!.assumingMemoryBound(to: UInt8.self)
                    guard crypto_digest(algorithm, job.data, place) != 0 else { return 0 }
                    job.data = Bytes(UnsafeRawPointer(place), Int(algorithm.pointee.digest_size))
                }
                job.out = out.baseAddress!.assumingMemoryBound(to: UInt8.self)
                return crypto_sign(algorithm, key.raw, &job) == CRYPTO_DONE ? job.written : 0
            }
        }
    }
    return base64([UInt8](out.prefix(written)))
}

// SwiftPM calls an executable's main function by the name of its target; libFuzzer's own is left out for it.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The main function.
@_cdecl("fuzz_tokens_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, run)
}
