import AdminAPI
import Arguments
import Certificates
import Console

/// `octavo ca`
struct CACommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ca",
        abstract: "A small authority for the certificates by which runtimes know each other.",
        discussion: """
            EXAMPLES
              octavo ca init --dir ./ca --trust-domain shop.example
              octavo ca issue --dir ./ca --app-id cart --out ./certs/cart
              octavo run --app-id cart --tls-internal-cert ./certs/cart/cert.pem \\
                --tls-internal-key ./certs/cart/key.pem --tls-internal-ca ./certs/cart/ca.pem
              octavo ca rotate --dir ./ca --leaf ./certs/cart
            """,
        subcommands: [CAInitCommand.self, CAIssueCommand.self, CARotateCommand.self])
}

/// Where the authority is.
struct AuthorityFlags: ParsableArguments {
    @Option(help: ArgumentHelp("Folder of the authority.", valueName: "folder"))
    var dir = "./ca"
}

/// `octavo ca init`
struct CAInitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make an authority: a root certificate and its key in a folder.",
        discussion: """
            The key can be read by its owner alone. Keep the folder away from the machines that runtimes run on.

            EXAMPLES
              octavo ca init
              octavo ca init --dir ./ca --trust-domain shop.example --lifetime 43800h
            """)

    @OptionGroup var authority: AuthorityFlags
    @Option(help: ArgumentHelp("What the identities of its runtimes begin with.", valueName: "name"))
    var trustDomain = "public"
    @Option(help: ArgumentHelp("How long the root is valid. (default: 87600h)", valueName: "duration"))
    var lifetime: TimeSpan?
    @OptionGroup var output: OutputFlags

    func run() throws {
        try CertificateFailure.told {
            let made = try Authority.create(in: authority.dir, trustDomain: trustDomain, lifetime: lifetime?.wholeSeconds ?? 87_600 * 3_600)
            let view = AuthorityView(made, roots: 1)
            output.write(view) { _ in "Made the authority of \(view.trustDomain) in \(view.folder), valid until \(view.validUntil).".printable + "\n" }
        }
    }
}

/// `octavo ca issue`
struct CAIssueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Make the certificate and the key of a runtime.",
        discussion: """
            Writes cert.pem (with what leads to a root), key.pem (for its owner alone) and ca.pem (the trusted roots) into the \
            folder. A runtime that uses them takes them in without a restart.

            EXAMPLES
              octavo ca issue --app-id cart --out ./certs/cart
              octavo ca issue --app-id cart --namespace shop --lifetime 24h --out ./certs/cart --json
            """)

    @OptionGroup var authority: AuthorityFlags
    @Option(name: [.customLong("app-id"), .customShort("a")], help: ArgumentHelp("The app. Required.", valueName: "id"))
    var appID: String?
    @Option(help: ArgumentHelp("The app's namespace, as NAMESPACE says it to the runtime.", valueName: "name"))
    var namespace = RuntimeIdentity.standardNamespace
    @Option(help: ArgumentHelp("That of the authority, which is the default.", valueName: "name"))
    var trustDomain: String?
    @Option(help: ArgumentHelp("How long the certificate is valid. (default: 720h)", valueName: "duration"))
    var lifetime: TimeSpan?
    @Option(help: ArgumentHelp("Folder for the files; it is made. Required.", valueName: "folder"))
    var out: String?
    @OptionGroup var output: OutputFlags

    func validate() throws { _ = try required() }

    private func required() throws -> (appID: String, folder: String) {
        guard let appID else { throw ValidationError("Whose certificate? Give --app-id.") }
        guard let out, !out.isEmpty else { throw ValidationError("Where are the files to go? Give a folder with --out.") }
        return (appID, out)
    }

    func run() throws {
        let (appID, out) = try required()
        try CertificateFailure.told {
            let authority = try Authority(folder: authority.dir)
            let identity: RuntimeIdentity
            do throws(CertificateError) {
                identity = try RuntimeIdentity(trustDomain: trustDomain ?? authority.trustDomain, namespace: namespace, appID: appID)
            } catch {
                throw CommandFailure(error.description, code: Outcome.Code.misuse)
            }
            let made = try authority.issue(identity, lifetime: lifetime?.wholeSeconds ?? 720 * 3_600, to: out)
            let view = LeafView(made, identity, folder: out)
            output.write(view) { _ in "Made the certificate of \(view.identity) in \(view.folder), valid until \(view.validUntil).".printable + "\n" }
        }
    }
}

/// `octavo ca rotate`
struct CARotateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Put a new root, or a new certificate of a runtime, in place of the present one.",
        discussion: """
            Without --leaf: makes a new root. The one before stays trusted, and the new one is signed by it, too: certificates of \
            both are taken by everybody while the others are renewed, in any order. When all of them are, --retire ends the trust \
            in earlier roots; renew the certificates once more to tell the runtimes.

            EXAMPLES
              octavo ca rotate --dir ./ca                          a new root
              octavo ca rotate --dir ./ca --leaf ./certs/cart      a new certificate, and the roots of now
              octavo ca rotate --dir ./ca --retire                 trust the present root alone
            """)

    @OptionGroup var authority: AuthorityFlags
    @Option(help: ArgumentHelp("Folder of `octavo ca issue` whose certificate is renewed. Can be given again.", valueName: "folder"))
    var leaf: [String] = []
    @Option(help: ArgumentHelp("How long the new certificate is valid. (default: a root 87600h, others as before)", valueName: "duration"))
    var lifetime: TimeSpan?
    @Flag(help: "Trust the present root alone from now on.")
    var retire = false
    @OptionGroup var output: OutputFlags

    func validate() throws {
        if retire, !leaf.isEmpty || lifetime != nil { throw ValidationError("--retire makes no certificate; give it alone.") }
    }

    func run() throws {
        try CertificateFailure.told {
            let present = try Authority(folder: authority.dir)
            if !leaf.isEmpty {
                let made = try leaf.map { folder in
                    let (certificate, identity) = try present.renew(folder, lifetime: lifetime?.wholeSeconds)
                    return LeafView(certificate, identity, folder: folder)
                }
                output.write(made) { _ in
                    made.map { "Renewed the certificate of \($0.identity) in \($0.folder), valid until \($0.validUntil).".printable + "\n" }.joined()
                }
                return
            }
            if retire { try present.retire() }
            let new = retire ? present : try present.rotate(lifetime: lifetime?.wholeSeconds ?? 87_600 * 3_600)
            let view = AuthorityView(new, roots: try new.trustedRoots().count)
            output.write(view) { _ in
                (retire
                    ? "\(view.folder) trusts its present root alone. Tell the runtimes by renewing their certificates."
                    : "Made a new root of \(view.trustDomain) in \(view.folder), valid until \(view.validUntil); \(view.trustedRoots) roots are trusted.").printable + "\n"
            }
        }
    }
}

/// Turns what went wrong into the program's way to say it.
enum CertificateFailure {
    static func told(_ work: () throws -> Void) throws {
        do {
            try work()
        } catch let error as CertificateError {
            throw CommandFailure(error.description)
        }
    }
}

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

extension TimeSpan {
    /// Of less than one, none.
    var wholeSeconds: Int { Int(duration.components.seconds) }
}
