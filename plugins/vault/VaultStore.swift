import PluginHTTP
import PluginKit

/// `secretstores.hashicorp.vault`. On the instance's reactor thread.
final class VaultStore: SecretStore {
    private let settings: Settings
    private let client: TokenClient
    /// Of the engine; Dapr's is 2.
    private var isVersioned = true

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        client = TokenClient(
            instance,
            TokenClient.Options(
                base: settings.address, server: "Vault", token: settings.token, header: "X-Vault-Token", refusal: 403,
                headers: [("X-Vault-Request", "true")]), settings.http)
        super.init(instance, Features(OCTAVO_SECRET_BULK | (settings.isText ? 0 : OCTAVO_SECRET_MULTI_VALUE)))
    }

    // MARK: Life

    /// Asks which version the engine is, which also tells a token that is no good.
    override func start(_ call: Call) throws(PluginError) {
        try client.open()
        let path = "/v1/sys/internal/ui/mounts/" + URLText.escaped(settings.engine, keepsSlashes: true)
        client.send(client.request("GET", path, deadline: call.deadline)) { [self] result in
            switch result {
            case .failure(let error): call.fail(error)
            case .success(let response): began(response, call)
            }
        }
    }

    private func began(_ response: HTTPResponse, _ call: Call) {
        let said = Answer.errors(response)
        switch response.status {
        case 200:
            guard let version = Answer.engineVersion(response) else {
                return call.fail(.outage("What answers at \(settings.address) is not Vault. Check vaultAddr."))
            }
            isVersioned = version == 2
        case 403 where said.has("preflight"):
            instance.warn(
                "The token may read nothing of the engine \(String(decoding: settings.engine, as: UTF8.self)), or there is none. "
                    + "Check enginePath and the token's policies.")
        // A server that does not tell: as Dapr has it.
        case 404, 405: break
        default: return call.fail(Refusal.error(response, at: settings.address, "the settings of the engine"))
        }
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        client.close()
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) {
        client.send(client.request("GET", "/v1/sys/health?standbyok=true&perfstandbyok=true", deadline: call.deadline)) { [self] result in
            switch result {
            case .failure(let error): call.fail(error)
            case .success(let response) where response.isSuccess: call.done()
            case .success(let response) where response.status == 503: call.fail(.outage("Vault at \(settings.address) is sealed."))
            case .success(let response): call.fail(Refusal.error(response, at: settings.address, "its health"))
            }
        }
    }

    // MARK: Operations

    override func get(_ request: UnsafePointer<octavo_secret_get_request>, _ reply: SecretReply) throws(PluginError) {
        let name = request.pointee.name.array
        guard URLText.isBelow(name) else {
            throw .invalid("The name of a secret of Vault is a path whose parts are neither empty nor . nor ..")
        }
        read(name, version: try version(request.pointee.head.metadata), reply.call.deadline) { result in
            switch result {
            case .success(let secret): reply.secret(secret)
            case .failure(let error): reply.call.fail(error)
            }
        }
    }

    override func bulkGet(_ request: UnsafePointer<octavo_secret_bulk_get_request>, _ reply: SecretsReply) throws(PluginError) {
        let version = try version(request.pointee.head.metadata)
        SecretTree(self, version: version, reply).begin()
    }

    /// What `version_id` of the request's metadata asks for; empty: the newest.
    private func version(_ metadata: octavo_list) throws(PluginError) -> [UInt8] {
        let written = metadata.pair("version_id")
        if written.isEmpty { return [] }
        guard let number = written.decimal else { throw .invalid("version_id of the request's metadata is to be a number, 0 for the newest.") }
        if number == 0 { return [] }
        guard isVersioned else { throw .invalid("The engine keeps one version of a secret: leave version_id out.") }
        return written.array
    }

    /// Below the engine; `folder`: what version 2 has between them.
    private func path(_ folder: StaticString, _ name: [UInt8]) -> String {
        let engine = "/v1/" + URLText.escaped(settings.engine, keepsSlashes: true) + "/"
        return engine + (isVersioned ? Str(folder).string : "") + URLText.escaped(settings.prefix + name, keepsSlashes: true)
    }

    func read(_ name: [UInt8], version: [UInt8], _ deadline: Int64, done: @escaping (Result<SecretValue, PluginError>) -> Void) {
        let query = version.isEmpty ? "" : "?version=" + String(decoding: version, as: UTF8.self)
        client.send(client.request("GET", path("data/", name) + query, deadline: deadline)) { [self] result in
            switch result {
            case .failure(let error): done(.failure(error))
            case .success(let response): done(secret(name, response))
            }
        }
    }

    private func secret(_ name: [UInt8], _ response: HTTPResponse) -> Result<SecretValue, PluginError> {
        let what = "secret \(String(decoding: name, as: UTF8.self))"
        let answer = Answer.read(response, isVersioned: isVersioned)
        guard response.status == 200 else {
            if response.status == 404, let answer, answer.isDeleted {
                return .failure(
                    PluginError(OCTAVO_CODE_NOT_FOUND, "This version of the \(what) has been deleted.", reason: "SECRET_NOT_FOUND"))
            }
            return .failure(Refusal.error(response, at: settings.address, what))
        }
        guard let answer, !answer.text.isEmpty else {
            return .failure(.outage("The answer of Vault at \(settings.address) for the \(what) makes no sense."))
        }
        let pairs = settings.isText ? [(name: name, value: answer.text)] : answer.pairs
        return .success(SecretValue(name: name, pairs: pairs))
    }

    /// Names in a folder, which is empty or ends with a slash; those that end with a slash are folders.
    func list(_ folder: [UInt8], _ deadline: Int64, done: @escaping (Result<[[UInt8]], PluginError>) -> Void) {
        client.send(client.request("LIST", path("metadata/", folder), deadline: deadline)) { [self] result in
            switch result {
            case .failure(let error): done(.failure(error))
            // There is nothing below it.
            case .success(let response) where response.status == 404: done(.success([]))
            case .success(let response) where response.status == 200:
                guard let keys = Answer.keys(response) else {
                    return done(.failure(.outage("The list of Vault at \(settings.address) makes no sense.")))
                }
                done(.success(keys))
            case .success(let response):
                done(.failure(Refusal.error(response, at: settings.address, "list of \(String(decoding: settings.prefix + folder, as: UTF8.self))")))
            }
        }
    }
}

extension [UInt8] {
    /// Whether the text has that word in it.
    func has(_ word: StaticString) -> Bool {
        withUnsafeBytes { memmem($0.baseAddress ?? UnsafeRawPointer(word.utf8Start), $0.count, word.utf8Start, word.utf8CodeUnitCount) != nil }
    }
}
