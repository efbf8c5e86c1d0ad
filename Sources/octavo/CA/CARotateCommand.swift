import Arguments
import Certificates
import Console

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
                    : "Made a new root of \(view.trustDomain) in \(view.folder), valid until \(view.validUntil); "
                        + "\(view.trustedRoots) roots are trusted.").printable + "\n"
            }
        }
    }
}
