import Arguments
import Certificates
import Console

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
