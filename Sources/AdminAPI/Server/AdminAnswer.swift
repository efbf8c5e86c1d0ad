/// The answer to a request of the admin API, before it is an HTTP response.
struct AdminAnswer: Equatable {
    var status: Int
    var headers: [(String, String)]
    var body: [UInt8]

    /// A document.
    static func json(_ value: some Encodable, status: Int = 200) -> AdminAnswer {
        AdminAnswer(
            status: status, headers: [("content-type", "application/json")], body: AdminJSON.encoded(value) + [0x0A])
    }

    /// Done, with nothing to say.
    static let empty = AdminAnswer(status: 204, headers: [], body: [])

    static func error(_ error: AdminError) -> AdminAnswer { json(error, status: error.httpStatus) }

    static func == (a: AdminAnswer, b: AdminAnswer) -> Bool {
        a.status == b.status && a.body == b.body && a.headers.elementsEqual(b.headers, by: ==)
    }
}

extension AdminRoute {
    /// Asks `backend` and puts its answer into words. Never throws: errors are answers, too.
    func answer(from backend: some AdminBackend, body: [UInt8]) async -> AdminAnswer {
        do {
            return try await result(from: backend, body: body)
        } catch let error as AdminError {
            return .error(error)
        } catch is CancellationError {
            return .error(AdminError(.unavailable, "The runtime stopped working on the request."))
        } catch {
            return .error(AdminError(.internal, "The runtime could not do it: \(error)"))
        }
    }

    private func result(from backend: some AdminBackend, body: [UInt8]) async throws -> AdminAnswer {
        switch self {
        case .status:
            return .json(try await backend.status())
        case .plugins:
            return .json(PluginList(plugins: try await backend.plugins()))
        case .plugin(let name):
            return .json(try await backend.plugin(named: name))
        case .loadPlugin:
            guard let file = try Self.document(PluginFile.self, body).file else {
                throw AdminError(.invalid, "The request names no plugin file; its body must be {\"file\": \"/path\"}.")
            }
            return .json(try await backend.loadPlugin(file: Self.checked(file)))
        case .reloadPlugin(let name):
            let file = body.isEmpty ? nil : try Self.document(PluginFile.self, body).file
            return .json(try await backend.reloadPlugin(named: name, file: file.map { try Self.checked($0) }))
        case .unloadPlugin(let name):
            let force = body.isEmpty ? nil : try Self.document(PluginUnload.self, body).force
            return .json(try await backend.unloadPlugin(named: name, force: force ?? false))
        case .restartPlugin(let name):
            return .json(try await backend.restartPlugin(named: name))
        case .isolatePlugin(let name):
            guard let mode = try Self.document(PluginPlace.self, body).mode, ["process", "none", "default"].contains(mode) else {
                throw AdminError(.invalid, "The mode is missing or unknown; it may be process, none or default.")
            }
            return .json(try await backend.isolatePlugin(named: name, mode: mode == "default" ? nil : mode))
        case .quarantine:
            return .json(QuarantineList(requests: try await backend.quarantine()))
        case .clearQuarantine(let plugin, let id):
            return .json(QuarantineCleared(count: try await backend.clearQuarantine(plugin: plugin, id: id)))
        case .crashes:
            return .json(CrashList(crashes: try await backend.crashes()))
        case .components:
            return .json(ComponentList(components: try await backend.components()))
        case .component(let name):
            return .json(try await backend.component(named: name))
        case .reloadResources:
            return .json(try await backend.reloadResources())
        case .subscriptions:
            return .json(SubscriptionList(subscriptions: try await backend.subscriptions()))
        case .traces:
            return .json(try await backend.traces())
        case .logs(let after):
            return .json(try await backend.logs(after: after))
        case .load:
            return .json(try await backend.load())
        case .policies:
            return .json(PolicyList(policies: try await backend.policies()))
        case .policy(let kind, let name, let direction):
            return .json(try await backend.policy(kind: kind, name: name, direction: direction))
        case .doctor:
            return .json(DoctorReport(findings: try await backend.doctor()))
        case .getState(let store, let key):
            guard let item = try await backend.stateItem(store: store, key: key) else { return .empty }
            var headers = [("content-type", "application/octet-stream")]
            if let etag = item.etag { headers.append(("etag", PercentCoding.encoded(etag))) }
            return AdminAnswer(status: 200, headers: headers, body: item.value)
        case .setState(let store, let key, let etag, let ttl):
            try await backend.setStateItem(
                store: store, key: key, write: StateWrite(value: body, etag: etag, ttlSeconds: ttl))
            return .empty
        case .deleteState(let store, let key, let etag):
            try await backend.deleteStateItem(store: store, key: key, etag: etag)
            return .empty
        }
    }

    private static func document<Document: Decodable>(
        _ type: Document.Type, _ body: [UInt8]
    ) throws(AdminError) -> Document {
        do {
            return try AdminJSON.decoded(type, from: body)
        } catch {
            throw AdminError(.invalid, "The request's body can't be read: \(error).")
        }
    }

    /// The runtime's working directory is not the caller's.
    private static func checked(_ file: String) throws(AdminError) -> String {
        guard file.hasPrefix("/"), !file.unicodeScalars.contains("\0") else {
            throw AdminError(.invalid, "The plugin file '\(file)' is no absolute path.")
        }
        return file
    }
}
