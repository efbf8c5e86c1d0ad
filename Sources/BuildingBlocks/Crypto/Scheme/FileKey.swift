import COpenSSL

/// The key of one message: 32 random bytes that the keys of its header and of its data are derived from (HKDF-SHA-256,
/// RFC 5869). Its memory is overwritten when it goes. Used on one thread at a time.
final class FileKey {
    static let size = 32

    private(set) var bytes: [UInt8]

    /// A new one; `nil` when OpenSSL has no random numbers.
    init?() {
        bytes = [UInt8](repeating: 0, count: FileKey.size)
        guard RAND_bytes(&bytes, Int32(bytes.count)) == 1 else { return nil }
    }

    /// One that a component has unwrapped. What is no key of this scheme becomes one of zeros, which no header's code
    /// fits: so a wrong key and a changed header look the same to whoever tries.
    init(unwrapped: [UInt8]?) {
        if let unwrapped, unwrapped.count == FileKey.size {
            bytes = unwrapped
        } else {
            bytes = [UInt8](repeating: 0, count: FileKey.size)
            isPlaceholder = true
        }
    }

    private var isPlaceholder = false

    deinit { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }

    /// The key of the data.
    func payloadKey(noncePrefix: [UInt8]) -> [UInt8] { derived(salt: noncePrefix, info: "payload") }

    /// The third line of a header whose first two are `text`.
    func code(over text: [UInt8]) -> [UInt8] {
        let key = derived(salt: [UInt8](repeating: 0, count: 32), info: "header")
        return Base64Text.encode(FileKey.hmac(key, text), suffix: [])
    }

    /// Whether the header is as it was written by whoever had the key. The text is compared, not what it stands for, which
    /// several texts can; in a time that does not depend on where it differs.
    func signed(_ header: SchemeHeader) -> Bool {
        let expected = code(over: header.signedText)
        let isEqual = expected.count == header.code.count && CRYPTO_memcmp(expected, header.code, expected.count) == 0
        return isEqual && !isPlaceholder
    }

    /// 32 bytes: one block of HKDF.
    private func derived(salt: [UInt8], info: String) -> [UInt8] {
        FileKey.hmac(FileKey.hmac(salt, bytes), Array(info.utf8) + [1])
    }

    private static func hmac(_ key: [UInt8], _ text: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var size: UInt32 = 0
        let done = HMAC(EVP_sha256(), key, Int32(key.count), text, text.count, &code, &size)
        precondition(done != nil && size == 32, "OpenSSL has no SHA-256")
        return code
    }
}
