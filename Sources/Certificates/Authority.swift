import COpenSSL

/// A small authority in a folder: a root certificate with its key, the roots that are trusted, and, after a change of the
/// root, the new one signed by the old one, so that runtimes that know only the old one trust what the new one signs.
package struct Authority {
    /// The present root; its key; every root that is trusted, the present one first; the present one by the one before.
    package static let root = "root.pem", key = "root.key", bundle = "bundle.pem", cross = "cross.pem"
    /// What `issue` writes.
    package static let leaf = "cert.pem", leafKey = "key.pem", leafBundle = "ca.pem"

    /// The shortest lifetime, seconds.
    package static let shortest = 60

    package let folder: String
    package let certificate: Certificate
    package let trustDomain: String
    private let privateKey: PrivateKey

    /// A new one. Throws when the folder has one already.
    package static func create(in folder: String, trustDomain: String, lifetime: Int) throws(CertificateError) -> Authority {
        guard RuntimeIdentity.isTrustDomain(trustDomain) else {
            // Its sentence says what a trust domain is.
            _ = try RuntimeIdentity(trustDomain: trustDomain, namespace: "", appID: "a")
            throw CertificateError("\(trustDomain) can't be a trust domain.")
        }
        try check(lifetime)
        try PrivateFiles.makeFolder(folder)
        for name in [root, key] where PrivateFiles.exists("\(folder)/\(name)") {
            throw CertificateError("\(folder) has an authority already (\(name)). Change its root with `octavo ca rotate`, or take another folder.")
        }
        let new = try PrivateKey.make()
        let made = try CertificateRequest.root(trustDomain, key: new, lifetime: lifetime, mayHaveAuthorities: true).signed(by: nil)
        try PrivateFiles.write(new.pem, to: "\(folder)/\(key)", mode: 0o600)
        try PrivateFiles.write(made.pem, to: "\(folder)/\(bundle)", mode: 0o644)
        try PrivateFiles.write(made.pem, to: "\(folder)/\(root)", mode: 0o644)
        return try Authority(folder: folder)
    }

    /// The one in a folder. Throws when its files are not there, do not belong together or are not valid now.
    package init(folder: String) throws(CertificateError) {
        self.folder = folder
        let file = "\(folder)/\(Self.root)"
        guard PrivateFiles.exists(file) else {
            throw CertificateError("There is no authority in \(folder) (\(Self.root)). Make one with `octavo ca init`.")
        }
        certificate = try Certificate.read(file, what: "root certificate")[0]
        privateKey = try PrivateKey.read("\(folder)/\(Self.key)", what: "root key")
        guard X509_check_private_key(certificate.pointer, privateKey.pointer) == 1 else {
            _ = OpenSSLError.take()
            throw CertificateError("The key \(folder)/\(Self.key) does not belong to the certificate \(file).")
        }
        guard let domain = Self.trustDomain(of: certificate) else {
            throw CertificateError("The certificate \(file) is not one of `octavo ca init`: it names no trust domain.")
        }
        trustDomain = domain
        guard certificate.notAfter > Credentials.now else {
            throw CertificateError("The root \(file) has expired at \(Credentials.text(certificate.notAfter)). Make another authority with `octavo ca init`.")
        }
        guard certificate.notBefore <= Credentials.now else {
            throw CertificateError("The root \(file) is not valid before \(Credentials.text(certificate.notBefore)). Is the clock right?")
        }
    }

    /// Makes a certificate and a key for a runtime and writes them into `target` with the trusted roots.
    @discardableResult
    package func issue(_ identity: RuntimeIdentity, lifetime: Int, to target: String) throws(CertificateError) -> Certificate {
        try Self.check(lifetime)
        guard identity.trustDomain == trustDomain else {
            throw CertificateError("The authority in \(folder) is that of the trust domain \(trustDomain), not of \(identity.trustDomain).")
        }
        guard Credentials.now + lifetime <= certificate.notAfter else {
            throw CertificateError(
                "The certificate would outlive its root, which ends at \(Credentials.text(certificate.notAfter)). Give a shorter --lifetime, or renew "
                    + "the root with `octavo ca rotate`.")
        }
        let new = try PrivateKey.make()
        let made = try CertificateRequest.leaf(identity, key: new, lifetime: lifetime).signed(by: (certificate, privateKey))
        var chain = made.pem
        if PrivateFiles.exists("\(folder)/\(Self.cross)") {
            for one in try Certificate.read("\(folder)/\(Self.cross)", what: "certificate of the root by the one before") { chain += one.pem }
        }
        try PrivateFiles.makeFolder(target)
        // Whom to trust first, so that nobody shows what it would not take itself.
        try share(with: target)
        try PrivateFiles.write(new.pem, to: "\(target)/\(Self.leafKey)", mode: 0o600)
        try PrivateFiles.write(chain, to: "\(target)/\(Self.leaf)", mode: 0o644)
        return made
    }

    /// A new certificate and key for whom the one in `target` is for. `lifetime`: nil is that of the old one.
    @discardableResult
    package func renew(_ target: String, lifetime: Int?) throws(CertificateError) -> (certificate: Certificate, identity: RuntimeIdentity) {
        let file = "\(target)/\(Self.leaf)"
        let old = try Certificate.read(file, what: "certificate")[0]
        guard let name = old.uris.first, let identity = RuntimeIdentity(uri: name) else {
            throw CertificateError("The certificate \(file) is not one of a runtime. Make one with `octavo ca issue`.")
        }
        let span = lifetime ?? old.notAfter - old.notBefore - CertificateRequest.clockSkew
        return (try issue(identity, lifetime: max(span, Self.shortest), to: target), identity)
    }

    /// Puts a new root in place of the present one, which stays trusted.
    package func rotate(lifetime: Int) throws(CertificateError) -> Authority {
        try Self.check(lifetime)
        let new = try PrivateKey.make()
        let made = try CertificateRequest.root(trustDomain, key: new, lifetime: lifetime, mayHaveAuthorities: true).signed(by: nil)
        // By the old one, with the same name and key: who trusts that one alone finds a way.
        var request = CertificateRequest.root(
            trustDomain, key: new, lifetime: min(lifetime, certificate.notAfter - Credentials.now), mayHaveAuthorities: false)
        request.subject = Self.commonName(made)
        let cross = try request.signed(by: (certificate, privateKey))
        let others = try Certificate.read("\(folder)/\(Self.bundle)", what: "trusted roots").filter { $0.notAfter > Credentials.now }
        try PrivateFiles.write(made.pem + others.flatMap(\.pem), to: "\(folder)/\(Self.bundle)", mode: 0o644)
        try PrivateFiles.write(cross.pem, to: "\(folder)/\(Self.cross)", mode: 0o644)
        try PrivateFiles.write(new.pem, to: "\(folder)/\(Self.key)", mode: 0o600)
        try PrivateFiles.write(made.pem, to: "\(folder)/\(Self.root)", mode: 0o644)
        return try Authority(folder: folder)
    }

    /// Trusts the present root alone from now on.
    package func retire() throws(CertificateError) {
        try PrivateFiles.write(certificate.pem, to: "\(folder)/\(Self.bundle)", mode: 0o644)
        PrivateFiles.remove("\(folder)/\(Self.cross)")
    }

    /// Writes the trusted roots into the folder of a runtime.
    package func share(with target: String) throws(CertificateError) {
        let roots = try Certificate.read("\(folder)/\(Self.bundle)", what: "trusted roots")
        try PrivateFiles.write(roots.flatMap(\.pem), to: "\(target)/\(Self.leafBundle)", mode: 0o644)
    }

    package func trustedRoots() throws(CertificateError) -> [Certificate] {
        try Certificate.read("\(folder)/\(Self.bundle)", what: "trusted roots")
    }

    private static func check(_ lifetime: Int) throws(CertificateError) {
        guard lifetime >= shortest else { throw CertificateError("A certificate lives for at least \(shortest) seconds, not \(lifetime).") }
    }

    private static func commonName(_ certificate: Certificate) -> String {
        var text = [CChar](repeating: 0, count: 256)
        let count = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.pointer), NID_commonName, &text, 256)
        return String(decoding: text.prefix(Int(max(count, 0))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The second word of its name.
    private static func trustDomain(of root: Certificate) -> String? {
        let words = commonName(root).split(separator: " ")
        guard words.count == 3, words[0] == "octavo", RuntimeIdentity.isTrustDomain(String(words[1])) else { return nil }
        return String(words[1])
    }
}
