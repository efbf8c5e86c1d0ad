import COpenSSL

/// Seals and opens the segments of one message, each with a nonce of its own: a prefix of the message, the segment's
/// number, and whether it is the last. So none can be taken away, put elsewhere or put behind. Used on one event loop.
final class SegmentCipher {
    static let segmentSize = 64 << 10
    static let tagSize = 16

    private let context: OpaquePointer
    private let isSealing: Bool
    private var nonce: [UInt8]
    private var index: UInt64 = 0
    /// Where each segment comes out; as large as the largest so far, for most messages are small.
    private var output: [UInt8] = []

    /// `nil` when OpenSSL lacks the cipher or memory.
    init?(_ cipher: DataCipher, _ key: FileKey, noncePrefix: [UInt8], seals: Bool) {
        guard let context = EVP_CIPHER_CTX_new() else { return nil }
        self.context = context
        isSealing = seals
        nonce = noncePrefix + [UInt8](repeating: 0, count: 5)
        let name = cipher == .aesGCM ? "AES-256-GCM" : "ChaCha20-Poly1305"
        guard let fetched = EVP_CIPHER_fetch(nil, name, nil) else { return nil }
        defer { EVP_CIPHER_free(fetched) }
        var payloadKey = key.payloadKey(noncePrefix: noncePrefix)
        defer { payloadKey.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        guard EVP_CipherInit_ex2(context, fetched, payloadKey, nil, seals ? 1 : 0, nil) == 1 else { return nil }
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    enum Failure: Error {
        /// The segment was not sealed with this key, at this place, as this one's end.
        case notAuthentic
        /// There are more than four thousand million segments.
        case tooLong
        case unavailable
    }

    /// Seals or opens the next segment and gives it to `body`. At most `segmentSize` bytes, and the tag when opening.
    func next(_ input: UnsafeRawBufferPointer, isLast: Bool, _ body: (UnsafeRawBufferPointer) -> Void) throws(Failure) {
        guard index <= UInt32.max else { throw .tooLong }
        for place in 0..<4 { nonce[7 + place] = UInt8(truncatingIfNeeded: index >> UInt64(24 - 8 * place)) }
        nonce[11] = isLast ? 1 : 0
        index += 1
        if output.count < input.count + SegmentCipher.tagSize {
            output = [UInt8](repeating: 0, count: input.count + SegmentCipher.tagSize)
        }
        let size = isSealing ? seal(input) : open(input)
        guard let size else {
            // What did not pass the tag's check left an error in OpenSSL's queue, which the next TLS call would read.
            ERR_clear_error()
            throw isSealing ? .unavailable : .notAuthentic
        }
        output.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<size])) }
    }

    private func seal(_ plain: UnsafeRawBufferPointer) -> Int? {
        output.withUnsafeMutableBufferPointer { output in
            guard let start = output.baseAddress, let from = plain.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
            var written: Int32 = 0
            let tag = start + plain.count
            guard EVP_CipherInit_ex2(context, nil, nil, nonce, 1, nil) == 1,
                EVP_CipherUpdate(context, start, &written, from, Int32(plain.count)) == 1,
                EVP_CipherFinal_ex(context, tag, &written) == 1,
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(SegmentCipher.tagSize), tag) == 1
            else { return nil }
            return plain.count + SegmentCipher.tagSize
        }
    }

    private func open(_ sealed: UnsafeRawBufferPointer) -> Int? {
        let size = sealed.count - SegmentCipher.tagSize
        // A segment without data is written by nobody: a message without data has none.
        guard size > 0, let from = sealed.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
        return output.withUnsafeMutableBufferPointer { output in
            guard let start = output.baseAddress else { return nil }
            var written: Int32 = 0
            var tag = Array(sealed[size...])
            guard EVP_CipherInit_ex2(context, nil, nil, nonce, 0, nil) == 1,
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(SegmentCipher.tagSize), &tag) == 1,
                EVP_CipherUpdate(context, start, &written, from, Int32(size)) == 1,
                EVP_CipherFinal_ex(context, start + size, &written) == 1
            else { return nil }
            return size
        }
    }
}
