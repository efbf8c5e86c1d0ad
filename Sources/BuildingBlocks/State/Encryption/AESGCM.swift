import COpenSSL

/// AES in Galois/Counter Mode (NIST SP 800-38D) with one key, over OpenSSL. A sealed text is a random nonce of 12
/// bytes, the ciphertext and a tag of 16 bytes, as Go's `cipher.AEAD` writes it. Used on one thread at a time.
final class AESGCM {
    static let nonceSize = 12
    static let tagSize = 16

    private let key: [UInt8]
    /// Fetched once: looking an algorithm up costs more than encrypting a small value.
    private let cipher: OpaquePointer

    /// `key`: 16, 24 or 32 bytes; `nil` for any other size.
    init?(key: [UInt8]) {
        let names = [16: "AES-128-GCM", 24: "AES-192-GCM", 32: "AES-256-GCM"]
        guard let name = names[key.count], let cipher = EVP_CIPHER_fetch(nil, name, nil) else { return nil }
        self.key = key
        self.cipher = cipher
    }

    deinit { EVP_CIPHER_free(cipher) }

    /// `nil` when OpenSSL has no random numbers or no memory.
    func seal(_ plain: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let context = EVP_CIPHER_CTX_new() else { return nil }
        defer { EVP_CIPHER_CTX_free(context) }
        let size = AESGCM.nonceSize + plain.count + AESGCM.tagSize
        var done = false
        let sealed = [UInt8](unsafeUninitializedCapacity: size) { out, count in
            let nonce = out.baseAddress.unsafelyUnwrapped
            let text = nonce + AESGCM.nonceSize
            let tag = text + plain.count
            var written: Int32 = 0
            done =
                RAND_bytes(nonce, Int32(AESGCM.nonceSize)) == 1
                && EVP_EncryptInit_ex2(context, cipher, key, nonce, nil) == 1
                && (plain.isEmpty || EVP_EncryptUpdate(context, text, &written, bytes(plain), Int32(plain.count)) == 1)
                && EVP_EncryptFinal_ex(context, tag, &written) == 1
                && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(AESGCM.tagSize), tag) == 1
            count = done ? size : 0
        }
        return done ? sealed : nil
    }

    /// `nil` when the key is another one, or a byte was changed.
    func open(_ sealed: UnsafeRawBufferPointer) -> [UInt8]? {
        let size = sealed.count - AESGCM.nonceSize - AESGCM.tagSize
        guard size >= 0, let context = EVP_CIPHER_CTX_new() else { return nil }
        defer { EVP_CIPHER_CTX_free(context) }
        let nonce = bytes(sealed)
        let text = nonce + AESGCM.nonceSize
        var tag = Array(sealed.suffix(AESGCM.tagSize))
        var done = false
        // One byte more: OpenSSL wants a place for the end, where it writes nothing.
        let plain = [UInt8](unsafeUninitializedCapacity: size + 1) { out, count in
            let start = out.baseAddress.unsafelyUnwrapped
            var written: Int32 = 0
            done =
                EVP_DecryptInit_ex2(context, cipher, key, nonce, nil) == 1
                && (size == 0 || EVP_DecryptUpdate(context, start, &written, text, Int32(size)) == 1)
                && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(AESGCM.tagSize), &tag) == 1
                && EVP_DecryptFinal_ex(context, start + size, &written) == 1
            count = done ? size : 0
        }
        // What did not pass the tag's check left an error in OpenSSL's queue, which the next TLS call would read.
        if !done { ERR_clear_error() }
        return done ? plain : nil
    }

    /// Of an empty buffer, too, any address.
    private func bytes(_ buffer: UnsafeRawBufferPointer) -> UnsafePointer<UInt8> {
        (buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped).assumingMemoryBound(to: UInt8.self)
    }
}

/// Base64 (RFC 4648 §4, with padding) by OpenSSL.
enum Base64Text {
    static func size(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// The text, with `suffix` behind it.
    static func encode(_ bytes: [UInt8], suffix: [UInt8]) -> [UInt8] {
        let size = size(bytes.count)
        return [UInt8](unsafeUninitializedCapacity: size + suffix.count + 1) { out, count in
            let start = out.baseAddress.unsafelyUnwrapped
            // It ends its text with a zero byte, which the suffix overwrites.
            _ = EVP_EncodeBlock(start, bytes, Int32(bytes.count))
            for (index, byte) in suffix.enumerated() { start[size + index] = byte }
            count = size + suffix.count
        }
    }

    /// `nil` for anything that is not padded Base64, white space included.
    static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard !text.isEmpty, text.count % 4 == 0, text.allSatisfy({ $0 > 0x20 }), let from = text.baseAddress else {
            return nil
        }
        let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var written: Int32 = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { out, count in
            written = EVP_DecodeBlock(out.baseAddress, from.assumingMemoryBound(to: UInt8.self), Int32(text.count))
            // It counts what the padding stands for, too.
            count = max(0, Int(written) - padding)
        }
        return written >= 0 ? bytes : nil
    }
}
