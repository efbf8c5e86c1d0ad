import Arguments
import Certificates

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

extension TimeSpan {
    /// Of less than one, none.
    var wholeSeconds: Int { Int(duration.components.seconds) }
}
