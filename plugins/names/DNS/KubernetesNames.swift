import PluginKit

/// `nameresolution.kubernetes`: asks the DNS of the cluster for the service that stands before an app's runtimes. On the instance's reactor
/// thread, with sockets of its own: a DNS server that is slow holds up no other question, as the C library's lookup would.
final class KubernetesNames: NameResolver {
    /// Lookups at the same time; more are refused.
    private static let limit = 256

    static var fields: [Field] {
        [
            .string("clusterDomain", example: "cluster.local", "Domain of the cluster, cluster.local without it. This or template."),
            .string(
                "template",
                "How an app's address is made: text with {{.ID}}, {{.Namespace}} and {{.Port}}. Without it {{.ID}}-dapr.{{.Namespace}}.svc.<clusterDomain>:{{.Port}}."),
            .string("namespace", default: "default", "Namespace of apps that are named without one by a runtime that has none (NAMESPACE)."),
            .integer("port", default: "50002", from: 1, to: 65535, "Where runtimes listen for others (--dapr-internal-grpc-port)."),
            .string("dnsServers", example: "10.96.0.10", "DNS servers, numbers with or without a port, commas between; those of /etc/resolv.conf without it."),
            .duration("dnsTimeout", default: "1s", "How long to wait for one server. Two or three are tried, or one of them again."),
        ]
    }

    private let template: AddressTemplate
    private let namespace: [UInt8]
    private let port: Int
    private let patience: Int64
    private let fixed: [NameAddress]
    private var file = ResolverFile()
    private var lookups: [(lookup: Lookup, reply: NamesReply)] = []
    /// Those that have ended, until nothing of them is on the stack.
    private var ended: [Lookup] = []
    private let later: Later
    private var isHealthy = true

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        let domain = config.text("clusterDomain"), text = config.text("template")
        guard domain.isEmpty || text.isEmpty else { throw .invalid("clusterDomain and template are both given: leave one out.") }
        template = try AddressTemplate(
            text.isEmpty
                ? Str("{{.ID}}-dapr.{{.Namespace}}.svc.").array + (domain.isEmpty ? Str("cluster.local") : domain).array + Str(":{{.Port}}").array
                : text.array)
        namespace = config.text("namespace").array
        port = Int(config.integer("port") ?? 50002)
        patience = max(config.duration("dnsTimeout") ?? 1_000_000_000, 10_000_000)
        var servers: [NameAddress] = []
        for part in config.text("dnsServers").array.split(separator: 0x2C) {
            let text = part.filter { $0 != 0x20 }
            let hasPort = text.first == 0x5B || text.count(where: { $0 == 0x3A }) == 1
            guard let server = hasPort ? text.withUnsafeBytes({ NameAddress(Str($0)) }) : NameAddress(host: text, port: 53) else {
                throw .invalid("dnsServers: \(String(decoding: text, as: UTF8.self)) is no address; write 10.96.0.10 or 10.96.0.10:53.")
            }
            servers.append(server)
        }
        fixed = servers
        later = Later(instance)
        super.init(instance, Features(0))
    }

    override func start(_ call: Call) throws(PluginError) {
        // One that can't be used is known at once.
        _ = try servers()
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        let open = lookups
        lookups = []
        for (lookup, reply) in open {
            lookup.cancel()
            reply.call.fail(PluginError(OCTAVO_CODE_UNAVAILABLE, "The resolver is being stopped.", flags: OCTAVO_ERROR_RETRYABLE))
        }
        call.done()
    }

    private func servers() throws(PluginError) -> [NameAddress] { fixed.isEmpty ? try file.servers() : fixed }

    override func resolve(_ request: UnsafePointer<octavo_names_resolve_request>, _ reply: NamesReply) throws(PluginError) {
        let app = request.pointee.app_id.array
        guard !app.isEmpty, !app.contains(0x2E) else { throw .invalid("The id of an app is one label of a DNS name, without dots.") }
        let asked = request.pointee.name_space.isEmpty ? namespace : request.pointee.name_space.array
        let target = try template.address(app, asked, request.pointee.port > 0 ? Int(request.pointee.port) : port)
        guard let name = DomainName(dotted: target.host) else {
            // Nothing in the DNS can bear it.
            return reply.answer([])
        }
        guard lookups.count < Self.limit else {
            throw PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(lookups.count) questions wait for the DNS already.",
                flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        }
        let lookup = Lookup(instance, name, try servers(), patience: patience) { [unowned(unsafe) self] lookup, outcome in
            self.lookups.removeAll { $0.lookup === lookup }
            self.ended.append(lookup)
            self.later.ask { [unowned(unsafe) self] in self.ended = [] }
            self.take(outcome, target.port, reply)
        }
        lookups.append((lookup, reply))
        lookup.begin()
    }

    private func take(_ outcome: Lookup.Outcome, _ port: Int, _ reply: NamesReply) {
        switch outcome {
        case .failure(let error):
            if isHealthy { instance.reportHealth(.unhealthy, error.message) }
            isHealthy = false
            reply.call.fail(error)
        case .success(let found):
            if !isHealthy { instance.reportHealth(.healthy, "the DNS answers") }
            isHealthy = true
            reply.answer(found.hosts.compactMap { NameAddress(host: $0, port: port) }, lifetime: found.lifetime)
        }
    }
}
