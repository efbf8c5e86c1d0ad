import COpenSSL

#if canImport(Glibc)
    import Glibc
#endif

/// An X.509 certificate. Immutable, any thread.
package final class Certificate: Sendable {
    /// Owned; OpenSSL counts the users of an `X509` atomically, and nothing here changes one.
    nonisolated(unsafe) package let pointer: OpaquePointer

    /// Takes over one use of `pointer`.
    package init(owning pointer: OpaquePointer) { self.pointer = pointer }

    deinit { X509_free(pointer) }

    /// The names of the kind URI among its alternative names.
    package var uris: [String] { Self.uris(of: pointer) }

    package static func uris(of pointer: OpaquePointer) -> [String] {
        guard let names = X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else { return [] }
        let stack = OpaquePointer(names)
        defer { GENERAL_NAMES_free(stack) }
        var found: [String] = []
        for index in 0..<max(OPENSSL_sk_num(stack), 0) {
            guard let name = OPENSSL_sk_value(stack, index)?.assumingMemoryBound(to: GENERAL_NAME.self) else { continue }
            var kind: Int32 = 0
            guard let value = GENERAL_NAME_get0_value(name, &kind), kind == GEN_URI else { continue }
            let text = value.assumingMemoryBound(to: ASN1_STRING.self)
            let bytes = UnsafeBufferPointer(start: ASN1_STRING_get0_data(text), count: Int(ASN1_STRING_length(text)))
            found.append(String(decoding: bytes, as: UTF8.self))
        }
        return found
    }

    /// Seconds since 1970.
    package var notBefore: Int { Self.seconds(X509_get0_notBefore(pointer)) }
    /// Seconds since 1970.
    package var notAfter: Int { Self.seconds(X509_get0_notAfter(pointer)) }

    /// In hexadecimal digits.
    package var serial: String {
        guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(pointer), nil) else { return "" }
        defer { BN_free(number) }
        guard let text = BN_bn2hex(number) else { return "" }
        defer { CRYPTO_free(text, "", 0) }
        return String(cString: text)
    }

    /// SHA-256 of it, in hexadecimal digits.
    package var fingerprint: String {
        var bytes = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        X509_digest(pointer, EVP_sha256(), &bytes, &count)
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
        return timegm(&parts)
    }

    /// Every certificate of a PEM file, in its order. Throws with the file and the cause.
    package static func read(_ file: String, what: String) throws(CertificateError) -> [Certificate] {
        let bio = try PEMFile.open(file, what: what)
        defer { BIO_free(bio) }
        var found: [Certificate] = []
        while let one = PEM_read_bio_X509(bio, nil, nil, nil) { found.append(Certificate(owning: one)) }
        let cause = OpenSSLError.take()
        guard !found.isEmpty else { throw CertificateError("The \(what) \(file) holds no certificate in PEM form: \(cause).") }
        return found
    }

    /// As a PEM file has it.
    package var pem: [UInt8] { PEMFile.bytes { PEM_write_bio_X509($0, pointer) } }
}

/// A private key. Immutable, any thread.
package final class PrivateKey: Sendable {
    /// Owned; OpenSSL counts the users of an `EVP_PKEY` atomically, and nothing here changes one.
    nonisolated(unsafe) package let pointer: OpaquePointer

    package init(owning pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }

    /// The key of a PEM file, which must not be encrypted: nobody is there to give the password.
    package static func read(_ file: String, what: String) throws(CertificateError) -> PrivateKey {
        let bio = try PEMFile.open(file, what: what)
        defer { BIO_free(bio) }
        guard let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else {
            throw CertificateError("The \(what) \(file) is not usable: \(OpenSSLError.take()); it must be an unencrypted key in PEM form.")
        }
        return PrivateKey(owning: key)
    }

    /// A new key on the curve P-256.
    package static func make() throws(CertificateError) -> PrivateKey {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil) else { throw CertificateError("OpenSSL has no elliptic curves.") }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { throw CertificateError("OpenSSL makes no key: \(OpenSSLError.take()).") }
        return PrivateKey(owning: key)
    }

    package var pem: [UInt8] { PEMFile.bytes { PEM_write_bio_PrivateKey($0, pointer, nil, nil, 0, nil, nil) } }
}

/// PEM files (RFC 7468).
enum PEMFile {
    /// Owned by the caller.
    static func open(_ file: String, what: String) throws(CertificateError) -> OpaquePointer {
        ERR_clear_error()
        errno = 0
        guard access(file, R_OK) == 0, let bio = BIO_new_file(file, "r") else {
            let cause = errno == 0 ? OpenSSLError.take() : String(cString: strerror(errno))
            ERR_clear_error()
            throw CertificateError("Can't read the \(what) \(file): \(cause).")
        }
        return bio
    }

    static func bytes(_ write: (OpaquePointer) -> Int32) -> [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { return [] }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(bio)))
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        return Array(bytes.prefix(Int(max(count, 0))))
    }
}
