import Arguments
import Certificates
import Console

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
