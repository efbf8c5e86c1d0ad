import Certificates

/// An authority for both outputs.
struct AuthorityView: Encodable {
    let folder: String
    let trustDomain: String
    let serial: String
    let fingerprint: String
    let validUntil: String
    let trustedRoots: Int

    init(_ authority: Authority, roots: Int) {
        folder = authority.folder
        trustDomain = authority.trustDomain
        serial = authority.certificate.serial
        fingerprint = authority.certificate.fingerprint
        validUntil = Credentials.text(authority.certificate.notAfter)
        trustedRoots = roots
    }
}

/// The certificate of a runtime for both outputs.
struct LeafView: Encodable {
    let folder: String
    let identity: String
    let certificate: String
    let key: String
    let authorities: String
    let serial: String
    let validUntil: String

    init(_ made: Certificate, _ identity: RuntimeIdentity, folder: String) {
        self.folder = folder
        self.identity = identity.description
        certificate = "\(folder)/\(Authority.leaf)"
        key = "\(folder)/\(Authority.leafKey)"
        authorities = "\(folder)/\(Authority.leafBundle)"
        serial = made.serial
        validUntil = Credentials.text(made.notAfter)
    }
}
