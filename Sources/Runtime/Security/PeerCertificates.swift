import Certificates
import Invocation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import Resources
import Telemetry
import Transport

/// The certificates by which runtimes know each other: read at the start, and again whenever their files change.
final class PeerCertificates: Sendable {
    let files: Credentials.Files
    private let appID: String
    private let namespace: String
    private let logger: Logger
    private let present: NIOLockedValueBox<Credentials>
    private let metrics: Metrics

    private struct Metrics: Sendable {
        let expiry: Gauge
        let changes: Counter
        let failures: Counter
        /// Under Dapr's names; nil: nobody reads them.
        let namedChanges: Counter?
        let namedFailures: Counter?
    }

    var credentials: Credentials { present.withLockedValue { $0 } }

    /// nil: runtimes speak plain text. Throws for settings and files that can't be used.
    init?(
        _ options: RuntimeOptions, _ settings: MutualTLSSettings, namespace: String, registry: MetricsRegistry, named: DaprMetrics?, logger: Logger
    ) throws {
        guard let files = try Self.files(options.internalTLS, settings) else { return nil }
        self.files = files
        appID = options.appID
        self.namespace = namespace
        self.logger = logger
        let credentials = try Self.read(files, appID, namespace)
        present = NIOLockedValueBox(credentials)
        metrics = Metrics(
            expiry: registry.gauge(
                MetricDefinition(
                    "octavo_mtls_certificate_expiry_seconds",
                    help: "When the runtime's certificate for other runtimes ends, in seconds since 1970.")
            ).series(),
            changes: registry.counter(
                MetricDefinition("octavo_mtls_certificate_changes_total", help: "Changed certificates for other runtimes that were taken in.")).series(),
            failures: registry.counter(
                MetricDefinition("octavo_mtls_certificate_failures_total", help: "Changed certificates for other runtimes that could not be used.")
            ).series(), namedChanges: named?.certificates.changed.series(options.appID),
            namedFailures: named?.certificates.failed.series(options.appID, "files"))
        named?.certificates.begun.series(options.appID).add()
        metrics.expiry.set(Int64(credentials.notAfter))
        logger.info("calls between runtimes are encrypted", metadata: Self.facts(credentials))
    }

    /// Where the files are: flags and environment, then the configuration. nil: nowhere, or switched off.
    static func files(_ flags: InternalTLSOptions, _ settings: MutualTLSSettings) throws -> Credentials.Files? {
        let isGiven = flags.certificate != nil || flags.key != nil || flags.authorities != nil
        if settings.isEnabled == false, !isGiven { return nil }
        let parts = [
            (flags.certificate ?? settings.certificate, "--tls-internal-cert (spec.mtls.certFile)"),
            (flags.key ?? settings.key, "--tls-internal-key (spec.mtls.keyFile)"),
            (flags.authorities ?? settings.authorities, "--tls-internal-ca (spec.mtls.caFile)"),
        ]
        let missing = parts.filter { $0.0 == nil }.map(\.1)
        if missing.count == parts.count {
            guard settings.isEnabled == true else { return nil }
            throw StartError("spec.mtls is enabled, but no certificates are named: give \(missing.joined(separator: ", "))")
        }
        guard missing.isEmpty, let certificate = parts[0].0, let key = parts[1].0, let authorities = parts[2].0 else {
            throw StartError("certificates for other runtimes need all of their files; missing: \(missing.joined(separator: ", "))")
        }
        return Credentials.Files(certificate: certificate, key: key, authorities: authorities)
    }

    /// Throws for a certificate that is for another app, too.
    static func read(_ files: Credentials.Files, _ appID: String, _ namespace: String) throws -> Credentials {
        let credentials = try Credentials(files)
        let own = namespace.isEmpty ? RuntimeIdentity.standardNamespace : namespace
        guard credentials.identity.appID == appID, credentials.identity.namespace == own else {
            throw StartError(
                "the certificate \(files.certificate) is for the app \(credentials.identity.appID) in the namespace \(credentials.identity.namespace), "
                    + "and this is the app \(appID) in the namespace \(own)")
        }
        return credentials
    }

    func security() throws -> InvocationSecurity {
        let credentials = credentials
        return InvocationSecurity(identity: credentials.identity, client: try TLSClientContext(credentials))
    }

    // MARK: Changes

    /// Takes changed files in, for as long as the task runs, and warns before the certificate ends.
    func follow(_ server: Server, _ invocations: [NIOLoopBound<InvocationLoop>]) async {
        var warned = 0
        await FollowedFiles(paths: [files.certificate, files.key, files.authorities]).follow {
            if try await self.take(server, invocations) { warned = 0 }
        } refused: { cause in
            metrics.failures.add()
            metrics.namedFailures?.add()
            logger.warning("changed certificates are not used yet", metadata: ["cause": "\(cause)"])
        } looked: {
            warned = warn(warned)
        }
    }

    private func take(_ server: Server, _ invocations: [NIOLoopBound<InvocationLoop>]) async throws -> Bool {
        let new = try Self.read(files, appID, namespace)
        let old = credentials
        func prints(_ credentials: Credentials) -> [String] { (credentials.chain + credentials.roots).map(\.fingerprint) }
        guard prints(new) != prints(old) else { return false }
        let context = try TLSServerContext(new)
        let security = InvocationSecurity(identity: new.identity, client: try TLSClientContext(new))
        present.withLockedValue { $0 = new }
        metrics.expiry.set(Int64(new.notAfter))
        metrics.changes.add()
        metrics.namedChanges?.add()
        await server.use(context)
        for loop in invocations { try? await loop.eventLoop.submit { loop.value.use(security) }.get() }
        logger.info("changed certificates are used", metadata: Self.facts(new))
        return true
    }

    /// Warns once at each of a few shares of the certificate's life; `step`: how many it has warned at.
    private func warn(_ step: Int) -> Int {
        let credentials = credentials
        let life = max(credentials.notAfter - credentials.notBefore, 1)
        let spent = Double(Credentials.now - credentials.notBefore) / Double(life)
        let passed = [0.7, 0.9, 1.0].filter { spent >= $0 }.count
        guard passed > step else { return step }
        if passed == 3 {
            logger.error("the certificate for other runtimes has expired; they refuse calls", metadata: Self.facts(credentials))
        } else {
            logger.warning("the certificate for other runtimes ends soon; renew it", metadata: Self.facts(credentials))
        }
        return passed
    }

    private static func facts(_ credentials: Credentials) -> Logger.Metadata {
        [
            "identity": "\(credentials.identity)", "until": "\(Credentials.text(credentials.notAfter))",
            "serial": "\(credentials.chain[0].serial)", "trusted-roots": "\(credentials.roots.count)",
        ]
    }
}
