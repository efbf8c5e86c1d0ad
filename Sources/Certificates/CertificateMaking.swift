import COpenSSL

#if canImport(Glibc)
    import Glibc
#endif

/// One certificate to be made.
struct CertificateRequest {
    var subject: String
    /// In the form of OpenSSL's extension texts.
    var extensions: [(kind: Int32, text: String)]
    var key: OpaquePointer
    /// Seconds from now on.
    var lifetime: Int

    /// Clocks of other machines may be behind.
    static let clockSkew = 300

    /// `by`: who signs; nil: itself.
    func signed(by issuer: (certificate: Certificate, key: PrivateKey)?) throws(CertificateError) -> Certificate {
        guard let made = X509_new() else { throw CertificateError("Out of memory for a certificate.") }
        let certificate = Certificate(owning: made)
        var serial = [UInt8](repeating: 0, count: 16)
        guard RAND_bytes(&serial, 16) == 1, let number = BN_bin2bn(serial.map { $0 & 0x7f }, 16, nil) else { throw failed }
        defer { BN_free(number) }
        guard X509_set_version(made, 2) == 1, BN_to_ASN1_INTEGER(number, X509_get_serialNumber(made)) != nil,
            X509_gmtime_adj(X509_getm_notBefore(made), -Self.clockSkew) != nil, X509_gmtime_adj(X509_getm_notAfter(made), lifetime) != nil,
            let name = X509_get_subject_name(made),
            // Of a name OpenSSL takes 64 bytes; whose the certificate is says its URI. 0x1000: UTF-8.
            X509_NAME_add_entry_by_txt(name, "CN", 0x1000, Array(subject.utf8.prefix(64)), Int32(min(subject.utf8.count, 64)), -1, 0) == 1,
            X509_set_issuer_name(made, issuer.map { X509_get_subject_name($0.certificate.pointer) } ?? name) == 1,
            X509_set_pubkey(made, key) == 1
        else { throw failed }
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer?.certificate.pointer ?? made, made, nil, nil, 0)
        for (kind, text) in extensions {
            guard let one = X509V3_EXT_conf_nid(nil, &context, kind, text) else { throw failed }
            defer { X509_EXTENSION_free(one) }
            guard X509_add_ext(made, one, -1) == 1 else { throw failed }
        }
        guard X509_sign(made, issuer?.key.pointer ?? key, EVP_sha256()) > 0 else { throw failed }
        return certificate
    }

    private var failed: CertificateError { CertificateError("OpenSSL makes no certificate for \(subject): \(OpenSSLError.take()).") }

    /// A root that vouches for one trust domain alone.
    static func root(_ trustDomain: String, key: PrivateKey, lifetime: Int, mayHaveAuthorities: Bool) -> CertificateRequest {
        CertificateRequest(
            subject: "octavo \(trustDomain) \(UInt32.random(in: .min ... .max))",
            extensions: [
                (NID_basic_constraints, "critical,CA:TRUE,pathlen:\(mayHaveAuthorities ? 1 : 0)"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
                (NID_name_constraints, "critical,permitted;URI:\(trustDomain)"), (NID_subject_key_identifier, "hash"),
            ],
            key: key.pointer, lifetime: lifetime)
    }

    /// The certificate of a runtime.
    static func leaf(_ identity: RuntimeIdentity, key: PrivateKey, lifetime: Int) -> CertificateRequest {
        CertificateRequest(
            subject: identity.appID,
            extensions: [
                (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
                (NID_ext_key_usage, "serverAuth,clientAuth"), (NID_subject_alt_name, "URI:\(identity)"),
                (NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid"),
            ],
            key: key.pointer, lifetime: lifetime)
    }
}
