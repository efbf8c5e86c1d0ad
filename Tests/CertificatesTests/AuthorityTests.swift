import Certificates
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("A small authority")
struct AuthorityTests {
    /// A folder of the test's own, removed at its end.
    private final class Folder {
        let path: String

        init() {
            var template = Array("/tmp/octavo-certificates-XXXXXX".utf8CString)
            path = String(cString: mkdtemp(&template))
        }

        deinit { _ = system("rm -rf \(path)") }

        func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
    }

    private func files(_ folder: String) -> Credentials.Files {
        Credentials.Files(certificate: folder + "/cert.pem", key: folder + "/key.pem", authorities: folder + "/ca.pem")
    }

    private func cart(_ domain: String = "public") throws -> RuntimeIdentity {
        try RuntimeIdentity(trustDomain: domain, namespace: "", appID: "cart")
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test("makes certificates that its root vouches for, and keys for their owner alone")
    func issues() throws {
        let folder = Folder()
        let authority = try Authority.create(in: folder("a/ca"), trustDomain: "public", lifetime: 86_400)
        try authority.issue(cart(), lifetime: 3600, to: folder("b/cart"))
        let credentials = try Credentials(files(folder("b/cart")))
        #expect(credentials.identity.description == "spiffe://public/ns/default/cart")
        #expect((3500...3600).contains(credentials.notAfter - Credentials.now))
        #expect(mode(folder("a/ca/root.key")) == 0o600 && mode(folder("b/cart/key.pem")) == 0o600 && mode(folder("a/ca")) == 0o700)
        #expect(throws: CertificateError.self) { try Authority.create(in: folder("a/ca"), trustDomain: "public", lifetime: 86_400) }
        #expect(throws: CertificateError.self) { try authority.issue(cart("other"), lifetime: 3600, to: folder("b/other")) }
        #expect(throws: CertificateError.self) { try authority.issue(cart(), lifetime: 90_000, to: folder("b/long")) }
        #expect(throws: CertificateError.self) { try authority.issue(cart(), lifetime: 1, to: folder("b/short")) }
    }

    @Test("changes its root so that old and new certificates are taken by who knows the old root, the new one, or both")
    func rotates() throws {
        let folder = Folder()
        let old = try Authority.create(in: folder("ca"), trustDomain: "public", lifetime: 86_400)
        try old.issue(cart(), lifetime: 3600, to: folder("before"))
        let before = try Credentials(files(folder("before")))
        let new = try old.rotate(lifetime: 86_400)
        try new.issue(cart(), lifetime: 3600, to: folder("after"))
        let after = try Credentials(files(folder("after")))
        #expect(after.roots.count == 2 && after.chain.count == 2)
        func isTaken(_ one: Credentials, by other: Credentials) -> Bool {
            Credentials.verdict(one.chain[0].pointer, chain: one.chain.dropFirst().map(\.pointer), roots: other.roots) == nil
        }
        #expect(isTaken(after, by: before) && isTaken(before, by: after) && isTaken(before, by: before) && isTaken(after, by: after))
        try new.retire()
        _ = try new.renew(folder("after"), lifetime: nil)
        let last = try Credentials(files(folder("after")))
        #expect(last.roots.count == 1 && last.chain.count == 1 && (3500...3600).contains(last.notAfter - Credentials.now))
        #expect(isTaken(after, by: last) && !isTaken(before, by: last) && !isTaken(last, by: before))
    }

    @Test("a root vouches for its own trust domain alone")
    func constrained() throws {
        let folder = Folder()
        _ = try Authority.create(in: folder("one"), trustDomain: "public", lifetime: 86_400)
        _ = try Authority.create(in: folder("two"), trustDomain: "other", lifetime: 86_400)
        // Somebody with the key of one signs for the other, with the other's name on his root.
        try Authority(folder: folder("two")).issue(cart("other"), lifetime: 3600, to: folder("cart"))
        let forged = try Credentials(files(folder("cart")))
        let roots = try Authority(folder: folder("one")).trustedRoots()
        #expect(Credentials.verdict(forged.chain[0].pointer, chain: [], roots: roots) != nil)
        #expect(system("cd \(folder.path) && openssl req -new -key cart/key.pem -subj /CN=cart -out csr 2>/dev/null && printf 'subjectAltName=URI:spiffe://other/ns/default/cart' > ext && openssl x509 -req -in csr -CA one/root.pem -CAkey one/root.key -CAcreateserial -days 1 -extfile ext -out forged.pem 2>/dev/null") == 0)
        let certificate = try Certificate.read(folder("forged.pem"), what: "certificate")[0]
        let verdict = Credentials.verdict(certificate.pointer, chain: [], roots: roots)
        #expect(verdict?.contains("permitted subtree") == true, "\(verdict ?? "trusted")")
    }

    @Test("says what is wrong with files")
    func refuses() throws {
        let folder = Folder()
        let authority = try Authority.create(in: folder("ca"), trustDomain: "public", lifetime: 86_400)
        for name in ["a", "b"] { try authority.issue(cart(), lifetime: 3600, to: folder(name)) }
        func cause(_ files: Credentials.Files, now: Int = Credentials.now) -> String {
            do { _ = try Credentials(files, now: now) } catch { return error.description }
            return "none"
        }
        var wrong = files(folder("a"))
        #expect(cause(wrong) == "none")
        #expect(cause(wrong, now: Credentials.now + 3700).contains("has expired at"))
        #expect(cause(wrong, now: Credentials.now - 3700).contains("is not valid before"))
        wrong.key = folder("b/key.pem")
        #expect(cause(wrong).contains("does not belong to the certificate"))
        wrong.key = folder("none")
        #expect(cause(wrong).contains("Can't read the key \(folder("none")): No such file"))
        wrong = files(folder("a"))
        wrong.authorities = folder("a/key.pem")
        #expect(cause(wrong).contains("holds no certificate"))
        wrong.authorities = folder("ca/root.pem")
        wrong.certificate = folder("ca/root.pem")
        wrong.key = folder("ca/root.key")
        #expect(cause(wrong).contains("is not one of a runtime"))
        let stranger = try Authority.create(in: folder("stranger"), trustDomain: "public", lifetime: 86_400)
        wrong = files(folder("a"))
        wrong.authorities = folder("stranger/root.pem")
        #expect(cause(wrong).contains("is of none of the roots"))
        _ = stranger
    }

    @Test(
        "takes URIs of runtimes and no others",
        arguments: [
            ("spiffe://public/ns/default/cart", true), ("spiffe://a.b-c_d/ns/n/A.b-c_d", true), ("spiffe://public/ns/default/cart/", false),
            ("spiffe://public/ns/default", false), ("spiffe://public/ns//cart", false), ("spiffe://Public/ns/default/cart", false),
            ("spiffe://public:1/ns/default/cart", false), ("spiffe://u@public/ns/default/cart", false), ("https://public/ns/default/cart", false),
            ("spiffe://public/ns/default/..", false), ("spiffe://public/ns/default/c%61rt", false), ("spiffe:///ns/default/cart", false),
            ("spiffe://public/sa/default/cart", false), ("spiffe://public/ns/default/cart\0", false), ("spiffe://public/ns/default/cart?x", false),
            ("SPIFFE://public/ns/default/cart", false), ("", false),
        ])
    func identities(uri: String, isOne: Bool) {
        #expect((RuntimeIdentity(uri: uri) != nil) == isOne)
        if isOne { #expect(RuntimeIdentity(uri: uri)?.description == uri) }
    }
}
