import CPluginKeys
import PluginKeys
import PluginKit

extension KeyHolder {
    /// The public part of `key`, in the format that the request names.
    func answer(_ request: UnsafePointer<octavo_crypto_key_request>, _ key: Key, _ reply: PublicKeyReply) throws(PluginError) {
        let name = request.pointee.name
        guard crypto_key_kind(key.raw) != CRYPTO_KEY_SYMMETRIC else {
            throw PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION, "The key \(name.string) is symmetric: it has no public part.", reason: "KEY_MISFIT")
        }
        let text: [UInt8]
        switch request.pointee.format {
        case OCTAVO_KEY_PEM: text = pem(key)
        case OCTAVO_KEY_JWK: text = jwk(key, name)
        default: throw .invalid("The format \(request.pointee.format) of keys is not known; 0 is PEM, 1 is a JSON Web Key.")
        }
        guard !text.isEmpty else { throw PluginError(OCTAVO_CODE_INTERNAL, "OpenSSL could not write the key \(name.string).") }
        text.withUnsafeBytes { reply.key(name, Bytes($0)) }
    }

    private func pem(_ key: Key) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: 8 << 10)
        let size = text.withUnsafeMutableBytes {
            crypto_key_public_pem(key.raw, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        text.removeLast(text.count - size)
        return text
    }

    private func jwk(_ key: Key, _ name: Str) -> [UInt8] {
        var text: [UInt8] = []
        switch crypto_key_kind(key.raw) {
        case CRYPTO_KEY_RSA:
            append("{\"kty\":\"RSA\"", &text)
            part(key, "n", &text)
            part(key, "e", &text)
        case CRYPTO_KEY_EC:
            append("{\"kty\":\"EC\",\"crv\":\"", &text)
            append(curve: key, &text)
            part(key, "x", &text)
            part(key, "y", &text)
        default:
            append("{\"kty\":\"OKP\",\"crv\":\"", &text)
            append(curve: key, &text)
            part(key, "x", &text)
        }
        append("}", &text)
        return text
    }

    private func append(_ literal: StaticString, _ text: inout [UInt8]) {
        text.append(contentsOf: UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    private func append(curve key: Key, _ text: inout [UInt8]) {
        let name = crypto_key_curve(key.raw)
        text.append(contentsOf: UnsafeRawBufferPointer(start: name, count: strlen(name)))
        text.append(0x22)
    }

    private func part(_ key: Key, _ name: StaticString, _ text: inout [UInt8]) {
        append(",\"", &text)
        append(name, &text)
        append("\":\"", &text)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2048) { number in
            let size = crypto_key_public_part(key.raw, CChar(bitPattern: name.utf8Start.pointee), number.baseAddress!, number.count)
            Base64URL.encode(UnsafeRawBufferPointer(start: number.baseAddress, count: size), to: &text)
        }
        text.append(0x22)
    }
}
