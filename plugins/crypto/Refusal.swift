import CPluginKeys
import PluginKeys
import PluginKit

/// What a caller is told when an operation does not work. Never anything of key or data.
enum Refusal {
    static func unknownAlgorithm(_ name: Str, _ use: Key.Use) -> PluginError {
        var known = ""
        var index = 0
        let isSignature = use == .sign || use == .verify
        while let algorithm = crypto_algorithm_at(index) {
            if (algorithm.pointee.uses & UInt32(CRYPTO_FOR_SIGNING) != 0) == isSignature {
                known += (known.isEmpty ? "" : ", ") + text(algorithm.pointee.name)
            }
            index += 1
        }
        let shown = name.count <= 64 && UTF8Check.isText(name.raw) ? "\"\(name.string)\"" : "of the request"
        return PluginError(
            OCTAVO_CODE_INVALID_ARGUMENT,
            "The algorithm \(shown) is not known for \(Str(use.word).string). Known are: \(known).", reason: "UNKNOWN_ALGORITHM")
    }

    static func error(
        _ end: Int32, _ algorithm: UnsafePointer<crypto_algorithm>, _ request: UnsafePointer<octavo_crypto_request>, _ use: Key.Use
    ) -> PluginError {
        let name = text(algorithm.pointee.name)
        let key = request.pointee.name.string
        let needed = algorithm.pointee
        switch end {
        case CRYPTO_WRONG_KEY:
            return PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION, "The key \(key) does not fit \(name), which takes \(kind(needed)).", reason: "KEY_MISFIT")
        case CRYPTO_NOT_PRIVATE:
            return PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The key \(key) is a public one; \(Str(use.word).string) with \(name) takes the private key.",
                reason: "KEY_MISFIT")
        case CRYPTO_WRONG_NONCE:
            return .invalid("\(name) takes a nonce of \(needed.nonce_size) bytes, and this one has \(request.pointee.nonce.size).")
        case CRYPTO_WRONG_TAG:
            return .invalid("\(name) has a tag of \(needed.tag_size) bytes, and this one has \(request.pointee.tag.size).")
        case CRYPTO_WRONG_SIZE:
            return .invalid("\(name) can't take \(request.pointee.data.size) bytes\(sizes(needed)).")
        case CRYPTO_WRONG_DIGEST:
            return .invalid(
                "\(name) works on a digest of \(needed.digest_size) bytes (\(text(needed.hash!))), and this one has "
                    + "\(request.pointee.data.size).")
        case CRYPTO_REFUSED:
            return PluginError(
                OCTAVO_CODE_INVALID_ARGUMENT,
                "The data does not decrypt with the key \(key) and \(name): it was made with another key, or has been changed.",
                reason: "NOT_AUTHENTIC")
        default:
            return PluginError(OCTAVO_CODE_INTERNAL, "OpenSSL could not do \(name): it lacks memory, random numbers or the algorithm.")
        }
    }

    private static func kind(_ algorithm: crypto_algorithm) -> String {
        if algorithm.key_size > 0 { return "a symmetric key of \(algorithm.key_size) bytes" }
        switch UInt32(algorithm.family) {
        case CRYPTO_EC_SIGN.rawValue: return "a key of the curve \(text(algorithm.cipher!))"
        case CRYPTO_ED_SIGN.rawValue: return "a key of the curve Ed25519"
        default: return "an RSA key"
        }
    }

    private static func sizes(_ algorithm: crypto_algorithm) -> String {
        switch UInt32(algorithm.family) {
        case CRYPTO_CBC.rawValue, CRYPTO_CBC_HMAC.rawValue: return "; it takes a multiple of 16"
        case CRYPTO_KW.rawValue: return "; it takes a multiple of 8, from 16 on (24 when unwrapping)"
        case CRYPTO_RSA.rawValue: return " with this key; it takes what is shorter than the key by the padding"
        default: return ""
        }
    }

    private static func text(_ c: UnsafePointer<CChar>) -> String { Str(UnsafeRawPointer(c), strlen(c)).string }
}
