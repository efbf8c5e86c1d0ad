/// What a request to the admin API asks for.
enum AdminRoute: Equatable {
    case status
    case plugins
    case plugin(String)
    case loadPlugin
    case reloadPlugin(String)
    case unloadPlugin(String)
    case restartPlugin(String)
    case isolatePlugin(String)
    case quarantine
    case clearQuarantine(plugin: String?, id: String?)
    case crashes
    case components
    case component(String)
    case subscriptions
    case policies
    case policy(kind: String, name: String, direction: String?)
    case getState(store: String, key: String)
    case setState(store: String, key: String, etag: String?, ttlSeconds: Int?)
    case deleteState(store: String, key: String, etag: String?)
    case doctor
    case traces
    case logs(after: Int64)
    case load
    case reloadResources

    /// The route of a request line. Throws `INVALID` for a target that can't be read, `NOT_FOUND` for one that is
    /// no route.
    init(method: String, target: String) throws(AdminError) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let query = try Self.query(parts.count > 1 ? parts[1] : "")
        var segments: [String] = []
        for segment in parts[0].split(separator: "/") {
            guard let decoded = PercentCoding.decoded(segment) else {
                throw AdminError(.invalid, "The path \(parts[0]) has a bad percent escape.")
            }
            segments.append(decoded)
        }
        guard segments.first == "v1", segments.count <= 4 else { throw Self.unknown(method, parts[0]) }
        segments += Array(repeating: "", count: 4 - segments.count)
        switch (method, segments[1], segments[2], segments[3]) {
        case ("GET", "status", "", ""): self = .status
        case ("GET", "plugins", "", ""): self = .plugins
        case ("GET", "plugins", let name, ""): self = .plugin(name)
        case ("POST", "plugins", "load", ""): self = .loadPlugin
        case ("POST", "plugins", let name, "reload") where !name.isEmpty: self = .reloadPlugin(name)
        case ("POST", "plugins", let name, "unload") where !name.isEmpty: self = .unloadPlugin(name)
        case ("POST", "plugins", let name, "restart") where !name.isEmpty: self = .restartPlugin(name)
        case ("POST", "plugins", let name, "isolate") where !name.isEmpty: self = .isolatePlugin(name)
        case ("GET", "quarantine", "", ""): self = .quarantine
        case ("DELETE", "quarantine", "", ""): self = .clearQuarantine(plugin: query["plugin"], id: query["id"])
        case ("GET", "crashes", "", ""): self = .crashes
        case ("GET", "components", "", ""): self = .components
        case ("GET", "components", let name, ""): self = .component(name)
        case ("GET", "subscriptions", "", ""): self = .subscriptions
        case ("GET", "policies", "", ""): self = .policies
        case ("GET", "policies", let kind, let name): self = .policy(kind: kind, name: name, direction: query["direction"])
        case ("GET", "doctor", "", ""): self = .doctor
        case ("GET", "traces", "", ""): self = .traces
        case ("GET", "logs", "", ""): self = .logs(after: try Self.number(query, "after"))
        case ("GET", "load", "", ""): self = .load
        case ("POST", "resources", "reload", ""): self = .reloadResources
        case ("GET", "state", let store, let key) where !key.isEmpty: self = .getState(store: store, key: key)
        case ("DELETE", "state", let store, let key) where !key.isEmpty:
            self = .deleteState(store: store, key: key, etag: query["etag"])
        case ("PUT", "state", let store, let key) where !key.isEmpty:
            self = .setState(store: store, key: key, etag: query["etag"], ttlSeconds: try Self.seconds(query))
        default: throw Self.unknown(method, parts[0])
        }
    }

    private static func unknown(_ method: String, _ path: some StringProtocol) -> AdminError {
        AdminError(.notFound, "The admin API has no \(method) \(path).")
    }

    private static func query(_ text: Substring) throws(AdminError) -> [String: String] {
        var query: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentCoding.decoded(parts[0]),
                let value = PercentCoding.decoded(parts.count > 1 ? parts[1] : "")
            else { throw AdminError(.invalid, "The query '\(text)' has a bad percent escape.") }
            query[name] = value
        }
        return query
    }

    private static func number(_ query: [String: String], _ name: String) throws(AdminError) -> Int64 {
        guard let text = query[name] else { return 0 }
        guard let number = Int64(text), number >= 0 else { throw AdminError(.invalid, "\(name) is '\(text)'; give a whole number.") }
        return number
    }

    private static func seconds(_ query: [String: String]) throws(AdminError) -> Int? {
        guard let text = query["ttlSeconds"] else { return nil }
        guard let seconds = Int(text), seconds > 0 else {
            throw AdminError(.invalid, "ttlSeconds is '\(text)'; give a positive whole number.")
        }
        return seconds
    }
}
