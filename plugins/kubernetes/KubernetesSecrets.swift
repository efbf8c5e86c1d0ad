import PluginHTTP
import PluginKit

/// `secretstores.kubernetes`. On the instance's reactor thread.
final class KubernetesSecrets: SecretStore {
    static let offered = OCTAVO_SECRET_BULK | OCTAVO_SECRET_MULTI_VALUE | OCTAVO_SECRET_ROTATION
    /// Secrets that are watched; each has a stream.
    static let maxStreams = 64

    private let settings: Settings
    private var cluster: Cluster!
    private(set) var client: TokenClient!
    private var feeds: [SecretFeed] = []

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        super.init(instance, Features(KubernetesSecrets.offered))
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) {
        cluster = try Cluster.find(settings)
        client = TokenClient(
            instance,
            TokenClient.Options(
                base: cluster.address, server: "Kubernetes", token: cluster.token, header: "Authorization", prefix: "Bearer ", refusal: 401,
                headers: [("Accept", "application/json")]), cluster.http, streams: KubernetesSecrets.maxStreams)
        try client.open()
        try health(call)
    }

    override func stop(_ call: Call) throws(PluginError) {
        let open = feeds
        feeds = []
        for feed in open { feed.close() }
        client?.close()
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) {
        client.send(client.request("GET", "/version", deadline: call.deadline)) { [self] result in
            switch result {
            case .failure(let error): call.fail(error)
            // Whoever may not see the version may see secrets.
            case .success(let response) where response.isSuccess || response.status == 403: call.done()
            case .success(let response): call.fail(error(response, "the version"))
            }
        }
    }

    // MARK: Reading

    override func get(_ request: UnsafePointer<octavo_secret_get_request>, _ reply: SecretReply) throws(PluginError) {
        let name = request.pointee.name.array
        guard KubernetesName.isSubdomain(name) else {
            throw PluginError(
                OCTAVO_CODE_NOT_FOUND, "No secret of Kubernetes can have this name: small letters, digits, - and . make one.",
                reason: "SECRET_NOT_FOUND")
        }
        let folder = try folder(request.pointee.head.metadata)
        let path = folder + "/" + String(decoding: name, as: UTF8.self)
        client.send(client.request("GET", path, deadline: reply.call.deadline)) { [self] result in
            switch result {
            case .failure(let error): reply.call.fail(error)
            case .success(let response):
                guard response.status == 200 else { return reply.call.fail(error(response, "secret \(String(decoding: name, as: UTF8.self))")) }
                guard let secret = Answer.read(response.body)?.secrets.first else { return reply.call.fail(nonsense) }
                reply.secret(whole(secret))
            }
        }
    }

    override func bulkGet(_ request: UnsafePointer<octavo_secret_bulk_get_request>, _ reply: SecretsReply) throws(PluginError) {
        list(try folder(request.pointee.head.metadata), from: [], [], mayBeginAgain: true, reply)
    }

    private static let page = 500
    private static let maxBytes = 64 << 20

    private func list(_ folder: String, from next: [UInt8], _ before: [SecretValue], mayBeginAgain: Bool, _ reply: SecretsReply) {
        guard reply.call.isOpen else {
            return reply.call.fail(PluginError(OCTAVO_CODE_CANCELLED, "Nobody waits for the answer any more."))
        }
        let query = "?limit=\(KubernetesSecrets.page)" + (next.isEmpty ? "" : "&continue=" + URLText.escaped(next))
        client.send(client.request("GET", folder + query, deadline: reply.call.deadline)) { [self] result in
            switch result {
            case .failure(let error): reply.call.fail(error)
            case .success(let response):
                // What it was to go on from is forgotten.
                if response.status == 410, mayBeginAgain { return list(folder, from: [], [], mayBeginAgain: false, reply) }
                guard response.status == 200 else { return reply.call.fail(error(response, "list of secrets")) }
                guard let answer = Answer.read(response.body) else { return reply.call.fail(nonsense) }
                let found = before + answer.secrets.map(whole)
                if answer.next.isEmpty { return reply.secrets(found) }
                let size = found.reduce(0) { $1.pairs.reduce($0) { $0 + $1.value.count } }
                guard size <= KubernetesSecrets.maxBytes else {
                    return reply.call.fail(
                        PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "The secrets of the namespace have more than 64 MiB. Ask for single ones."))
                }
                list(folder, from: answer.next, found, mayBeginAgain: mayBeginAgain, reply)
            }
        }
    }

    /// What of a secret can be handed over.
    func whole(_ secret: Answer.Secret) -> SecretValue {
        for name in secret.binary {
            instance.warn(
                "The pair \(String(decoding: name, as: UTF8.self)) of the secret \(String(decoding: secret.value.name, as: UTF8.self)) is no text, and is left out.")
        }
        return secret.value
    }

    /// The path of the secrets of the namespace that the request's metadata or the settings name.
    func folder(_ metadata: octavo_list) throws(PluginError) -> String {
        let written = metadata.pair("namespace").array
        let namespace = written.isEmpty ? cluster.namespace : written
        guard !namespace.isEmpty else {
            throw .invalid("There is no namespace: give it as metadata.namespace of the request, or set defaultNamespace or NAMESPACE.")
        }
        guard KubernetesName.isLabel(namespace) else { throw .invalid("The namespace of the request has a name that none can have.") }
        return "/api/v1/namespaces/" + String(decoding: namespace, as: UTF8.self) + "/secrets"
    }

    // MARK: Watching

    override func watch(_ request: UnsafePointer<octavo_secret_watch_request>, _ reply: EmptyReply) throws(PluginError) {
        let folder = try folder(request.pointee.head.metadata)
        var names: [[UInt8]] = []
        for index in 0..<Int(request.pointee.names.count) {
            let name = request.pointee.names.at(index, as: octavo_str.self).pointee.array
            guard KubernetesName.isSubdomain(name) else { throw .invalid("One of the names is none that a secret of Kubernetes can have.") }
            if !names.contains(name) { names.append(name) }
        }
        let present = feeds.reduce(0) { $0 + $1.count }
        guard present + names.count <= KubernetesSecrets.maxStreams else {
            throw PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(present + names.count) secrets are to be watched; \(KubernetesSecrets.maxStreams) can be.")
        }
        let feed = SecretFeed(self, Source(request.pointee.source), folder, names)
        feeds.append(feed)
        feed.open { [self, unowned(unsafe) feed] error in
            if let error {
                feeds.removeAll { $0 === feed }
                return reply.call.fail(error)
            }
            reply.done()
        }
    }

    override func unwatch(_ source: Source, _ reply: EmptyReply) throws(PluginError) {
        for feed in feeds where feed.source == source { feed.close() }
        feeds.removeAll { $0.source == source }
        reply.done()
    }

    // MARK: Errors

    var nonsense: PluginError { .outage("The answer of \(cluster.address) is not Kubernetes'. Check where the cluster is.") }

    /// What an answer that is not 200 means. `what` was asked for.
    func error(_ response: HTTPResponse, _ what: String) -> PluginError {
        let said = Answer.read(response.body)?.message ?? []
        let words = said.isEmpty ? "status \(response.status)" : String(decoding: said, as: UTF8.self)
        let place = "Kubernetes at \(cluster.address)"
        switch response.status {
        case 300..<400:
            return PluginError(OCTAVO_CODE_FAILED_PRECONDITION, "\(place) refers to another server, which is not given the token.")
        case 400: return .invalid("\(place) refuses the request for the \(what): \(words).")
        case 401: return PluginError(OCTAVO_CODE_UNAUTHENTICATED, "\(place) does not know the token or certificate: \(words).")
        case 403:
            return PluginError(
                OCTAVO_CODE_PERMISSION_DENIED, "\(place) forbids the \(what): \(words). A Role with get (list, watch) of secrets allows it.")
        case 404: return PluginError(OCTAVO_CODE_NOT_FOUND, "\(place) has no \(what): \(words).", reason: "SECRET_NOT_FOUND")
        case 429:
            return PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(place) is asked too often: \(words).", flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        case 500...: return .outage("\(place) fails: \(words).")
        default: return PluginError(OCTAVO_CODE_INTERNAL, "\(place) answered with status \(response.status): \(words).")
        }
    }
}
