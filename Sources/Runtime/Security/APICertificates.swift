import Certificates
import Logging
import NIOConcurrencyHelpers
import Telemetry
import Transport

/// The certificate of the API (`--tls-cert`, `--tls-key`, `--tls-client-ca`): read at the start, and again whenever its files change.
final class APICertificates: Sendable {
    private let files: TLSOptions
    private let logger: Logger
    private let prints: NIOLockedValueBox<[String]>
    private let expiry: Gauge
    private let changes: Counter
    private let failures: Counter

    /// nil: the API speaks plain text. Throws for files that can't be used.
    init?(_ files: TLSOptions?, registry: MetricsRegistry, logger: Logger) throws {
        guard let files else { return nil }
        self.files = files
        self.logger = logger
        let chain = try Certificate.read(files.certificate, what: "TLS certificate")
        prints = NIOLockedValueBox(try Self.prints(chain, files))
        expiry = registry.gauge(
            MetricDefinition("octavo_tls_certificate_expiry_seconds", help: "When the certificate of the API ends, in seconds since 1970.")
        ).series()
        changes = registry.counter(
            MetricDefinition("octavo_tls_certificate_changes_total", help: "Changed certificates of the API that were taken in.")).series()
        failures = registry.counter(
            MetricDefinition("octavo_tls_certificate_failures_total", help: "Changed certificates of the API that could not be used.")).series()
        expiry.set(Int64(chain[0].notAfter))
    }

    func context() throws -> TLSServerContext {
        try TLSServerContext(certificate: files.certificate, key: files.privateKey, clientAuthorities: files.clientAuthorities)
    }

    private static func prints(_ chain: [Certificate], _ files: TLSOptions) throws -> [String] {
        let authorities = try files.clientAuthorities.map { try Certificate.read($0, what: "TLS client CA") } ?? []
        return (chain + authorities).map(\.fingerprint)
    }

    /// Takes changed files in, for as long as the task runs.
    func follow(_ server: Server) async {
        let paths = [files.certificate, files.privateKey] + (files.clientAuthorities.map { [$0] } ?? [])
        await FollowedFiles(paths: paths).follow {
            try await self.take(server)
        } refused: { cause in
            failures.add()
            logger.warning("changed certificates of the API are not used yet", metadata: ["cause": "\(cause)"])
        } looked: {
        }
    }

    private func take(_ server: Server) async throws {
        let chain = try Certificate.read(files.certificate, what: "TLS certificate")
        let now = try Self.prints(chain, files)
        // Before anything else: the key may still be the one before.
        let context = try context()
        guard now != prints.withLockedValue({ $0 }) else { return }
        prints.withLockedValue { $0 = now }
        expiry.set(Int64(chain[0].notAfter))
        changes.add()
        await server.use(context)
        logger.info(
            "changed certificates of the API are used",
            metadata: ["serial": "\(chain[0].serial)", "until": "\(Credentials.text(chain[0].notAfter))"])
    }
}
