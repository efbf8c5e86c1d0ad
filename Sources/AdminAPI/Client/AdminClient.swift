/// The commands' side of the admin API: one connection a request, on the calling thread.
///
/// Every function throws `AdminClientError` alone.
package struct AdminClient: Sendable {
    /// Path of the runtime's admin socket.
    package let socket: String
    private let appID: String?
    private let timeout: Duration

    /// - Parameters:
    ///   - appID: the app id that `socket` was found from, for errors; nil when the socket itself was given.
    ///   - timeout: for a whole request.
    package init(socket: String, appID: String?, timeout: Duration) {
        self.socket = socket
        self.appID = appID
        self.timeout = timeout
    }

    package func status() throws(AdminClientError) -> RuntimeStatus {
        try get("/v1/status")
    }

    package func plugins() throws(AdminClientError) -> PluginList {
        try get("/v1/plugins")
    }

    package func plugin(named name: String) throws(AdminClientError) -> PluginDescription {
        try get("/v1/plugins/\(PercentCoding.encoded(name))")
    }

    /// - Parameter file: an absolute path, since the runtime has a working directory of its own.
    package func loadPlugin(file: String) throws(AdminClientError) -> PluginChange {
        try post("/v1/plugins/load", PluginFile(file: file))
    }

    /// - Parameter file: an absolute path; nil is the plugin's own file.
    package func reloadPlugin(named name: String, file: String?) throws(AdminClientError) -> PluginChange {
        try post("/v1/plugins/\(PercentCoding.encoded(name))/reload", PluginFile(file: file))
    }

    package func unloadPlugin(named name: String, force: Bool) throws(AdminClientError) -> PluginChange {
        try post("/v1/plugins/\(PercentCoding.encoded(name))/unload", PluginUnload(force: force))
    }

    package func restartPlugin(named name: String) throws(AdminClientError) -> PluginChange {
        try post("/v1/plugins/\(PercentCoding.encoded(name))/restart", PluginFile(file: nil))
    }

    /// - Parameter mode: `process`, `none` or `default`.
    package func isolatePlugin(named name: String, mode: String) throws(AdminClientError) -> PluginChange {
        try post("/v1/plugins/\(PercentCoding.encoded(name))/isolate", PluginPlace(mode: mode))
    }

    package func quarantine() throws(AdminClientError) -> QuarantineList {
        try get("/v1/quarantine")
    }

    /// Of one plugin, one id, or all.
    package func clearQuarantine(plugin: String?, id: String?) throws(AdminClientError) -> QuarantineCleared {
        let query = [plugin.map { "plugin=\(PercentCoding.encoded($0))" }, id.map { "id=\(PercentCoding.encoded($0))" }].compactMap(\.self)
        let target = "/v1/quarantine" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        return try Self.decoded(try exchange("DELETE", target).body)
    }

    package func crashes() throws(AdminClientError) -> CrashList {
        try get("/v1/crashes")
    }

    package func components() throws(AdminClientError) -> ComponentList {
        try get("/v1/components")
    }

    package func component(named name: String) throws(AdminClientError) -> ComponentDescription {
        try get("/v1/components/\(PercentCoding.encoded(name))")
    }

    package func reloadResources() throws(AdminClientError) -> ResourcesChange {
        try Self.decoded(try exchange("POST", "/v1/resources/reload").body)
    }

    package func subscriptions() throws(AdminClientError) -> SubscriptionList {
        try get("/v1/subscriptions")
    }

    package func traces() throws(AdminClientError) -> TraceList {
        try get("/v1/traces")
    }

    package func logs(after number: Int64) throws(AdminClientError) -> LogList {
        try get("/v1/logs?after=\(number)")
    }

    package func load() throws(AdminClientError) -> LoadList {
        try get("/v1/load")
    }

    package func policies() throws(AdminClientError) -> PolicyList {
        try get("/v1/policies")
    }

    /// `target`: `app/NAME`, `component/NAME`, `component/NAME/outbound` or `component/NAME/inbound`.
    package func policy(of target: String) throws(AdminClientError) -> PolicyExplanation {
        let parts = target.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        let kind = PercentCoding.encoded(parts[0]), name = PercentCoding.encoded(parts.count > 1 ? parts[1] : "")
        let direction = parts.count > 2 ? "?direction=" + PercentCoding.encoded(parts[2]) : ""
        return try get("/v1/policies/\(kind)/\(name)\(direction)")
    }

    package func doctor() throws(AdminClientError) -> DoctorReport {
        try get("/v1/doctor")
    }

    /// The value of a key; nil when it does not exist.
    package func stateItem(store: String, key: String) throws(AdminClientError) -> StateItem? {
        let response = try exchange("GET", Self.statePath(store, key))
        if response.status == 204 { return nil }
        return StateItem(value: response.body, etag: response["etag"].flatMap { PercentCoding.decoded($0) })
    }

    package func setStateItem(store: String, key: String, write: StateWrite) throws(AdminClientError) {
        var query: [String] = []
        if let etag = write.etag { query.append("etag=" + PercentCoding.encoded(etag)) }
        if let ttl = write.ttlSeconds { query.append("ttlSeconds=\(ttl)") }
        _ = try exchange(
            "PUT", Self.statePath(store, key, query: query), contentType: "application/octet-stream",
            body: write.value)
    }

    package func deleteStateItem(store: String, key: String, etag: String?) throws(AdminClientError) {
        let query = etag.map { ["etag=" + PercentCoding.encoded($0)] } ?? []
        _ = try exchange("DELETE", Self.statePath(store, key, query: query))
    }

    private static func statePath(_ store: String, _ key: String, query: [String] = []) -> String {
        "/v1/state/\(PercentCoding.encoded(store))/\(PercentCoding.encoded(key))"
            + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    private func get<Answer: Decodable>(_ target: String) throws(AdminClientError) -> Answer {
        try Self.decoded(exchange("GET", target).body)
    }

    private func post<Answer: Decodable>(
        _ target: String, _ body: some Encodable
    ) throws(AdminClientError) -> Answer {
        try Self.decoded(
            exchange("POST", target, contentType: "application/json", body: AdminJSON.encoded(body)).body)
    }

    private func exchange(
        _ method: String, _ target: String, contentType: String? = nil, body: [UInt8] = []
    ) throws(AdminClientError) -> HTTPResponseParser.Response {
        let response = try HTTPExchange(socket: socket, timeout: timeout, appID: appID)
            .response(method: method, target: target, contentType: contentType, body: body)
        guard response.status >= 400 else { return response }
        if let error = try? AdminJSON.decoded(AdminError.self, from: response.body) { throw .refused(error) }
        throw .lost("The runtime at \(socket) answered \(method) \(target) with status \(response.status) alone.")
    }

    private static func decoded<Answer: Decodable>(_ bytes: [UInt8]) throws(AdminClientError) -> Answer {
        do {
            return try AdminJSON.decoded(Answer.self, from: bytes)
        } catch {
            throw .lost(
                "The answer of the runtime can't be read (\(error)). It may be of another version than this command; "
                    + "compare `octavo version` with `octavo status`.")
        }
    }
}
