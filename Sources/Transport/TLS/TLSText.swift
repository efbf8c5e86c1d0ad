import Certificates
import COpenSSL

/// Certificates and keys that come as PEM texts instead of files.
enum TLSText {
    /// Trusts the authorities in `pem`.
    static func trust(_ pem: String, on context: OpaquePointer) throws {
        let all = try certificates(pem, "authorities")
        defer { all.forEach { X509_free($0) } }
        let store = SSL_CTX_get_cert_store(context)
        for one in all { X509_STORE_add_cert(store, one) }
        // One that is there twice is no fault.
        ERR_clear_error()
    }

    /// Shows a certificate, with those behind it in the text.
    static func use(certificate: String, key: String, on context: OpaquePointer) throws {
        let chain = try certificates(certificate, "certificate")
        defer { chain.forEach { X509_free($0) } }
        guard SSL_CTX_use_certificate(context, chain[0]) == 1 else {
            throw TLSError(description: "The TLS certificate is not usable: \(OpenSSLError.take()).")
        }
        for one in chain.dropFirst() {
            X509_up_ref(one)
            guard SSL_CTX_ctrl(context, SSL_CTRL_EXTRA_CHAIN_CERT, 0, UnsafeMutableRawPointer(one)) == 1 else {
                X509_free(one)
                throw TLSError(description: "The chain of the TLS certificate is not usable: \(OpenSSLError.take()).")
            }
        }
        let secret = try withText(key) { PEM_read_bio_PrivateKey($0, nil, nil, nil) }
        defer { EVP_PKEY_free(secret) }
        guard let secret else { throw TLSError(description: "The TLS key is not a PEM text with a private key: \(OpenSSLError.take()).") }
        guard SSL_CTX_use_PrivateKey(context, secret) == 1 else {
            throw TLSError(description: "The TLS key does not belong to the certificate: \(OpenSSLError.take()).")
        }
    }

    /// At least one; whoever asks frees them.
    private static func certificates(_ pem: String, _ what: String) throws -> [OpaquePointer] {
        let all: [OpaquePointer] = try withText(pem) { text in
            var all: [OpaquePointer] = []
            while let one = PEM_read_bio_X509(text, nil, nil, nil) { all.append(one) }
            return all
        }
        guard !all.isEmpty else {
            throw TLSError(description: "The TLS \(what) are not a PEM text with a certificate: \(OpenSSLError.take()).")
        }
        // Where the text ends is an error to OpenSSL, too.
        ERR_clear_error()
        return all
    }

    private static func withText<R>(_ text: String, _ body: (OpaquePointer) -> R) throws -> R {
        var text = text
        return try text.withUTF8 { bytes in
            guard let buffer = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
                throw TLSError(description: "Out of memory for a TLS text.")
            }
            defer { BIO_free(buffer) }
            return body(buffer)
        }
    }
}
