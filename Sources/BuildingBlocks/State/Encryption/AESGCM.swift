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
