import PluginHTTP
import PluginKit

/// The component's metadata, checked. Mappings and lists come as JSON.
struct Settings {
    /// "http://host:port".
    let address: String
    let token: HTTPToken
    /// Of the questions for apps, when that is another one.
    let queryToken: HTTPToken?
    var headers: [(name: String, value: String)] = []
    var http = HTTPOptions()
    /// Of a question for an app: "passing=1&dc=x".
    let query: String
    var queryHeaders: [(name: String, value: String)] = []
    let usesCache: Bool
    let portKey: [UInt8]
    let registers: Bool
    let deregisters: Bool
    /// Members of a registration, as JSON; empty: none.
    let tags: [UInt8]
    let checks: [UInt8]
    let meta: [(name: [UInt8], value: [UInt8])]
    /// The members of a registration that is given whole, and their values: JSON, or a text without quotes.
    let whole: [(name: [UInt8], value: [UInt8])]?

    init(_ config: Config) throws(PluginError) {
        let client = try Settings.document(config, "client")
        try Settings.check(
            client, "client", [
                "address", "scheme", "datacenter", "httpAuth", "waitTime", "token", "tokenFile", "tlsConfig", "pathPrefix", "namespace", "partition",
            ])
        let place = client.text("address") ?? "127.0.0.1:8500", scheme = client.text("scheme")
        if let scheme, !Array(scheme.utf8).equals("http"), !Array(scheme.utf8).equals("https") {
            throw .invalid("client: scheme is http or https.")
        }
        let bytes = Array(place.utf8)
        let hasScheme = bytes.withUnsafeBytes { Str($0).hasPrefix(Str("http://")) || Str($0).hasPrefix(Str("https://")) }
        address = hasScheme ? place : (scheme ?? "http") + "://" + place
        switch (client.value("token"), client.text("tokenFile")) {
        case (.some(let text), .none): token = .fixed(text)
        case (.none, .some(let path)): token = .file(FileText(path, what: "token file", hint: "Check tokenFile of client."))
        case (.none, .none): token = .none
        case (.some, .some): throw .invalid("client has both token and tokenFile: leave one out.")
        }
        if let user = client.value("httpAuth", "username") {
            let pair = user + [0x3A] + (client.value("httpAuth", "password") ?? [])
            var text = [UInt8](repeating: 0, count: Base64.encodedSize(pair.count))
            text.withUnsafeMutableBufferPointer { text in pair.withUnsafeBytes { Base64.encode($0, to: text.baseAddress!) } }
            headers.append(("Authorization", "Basic " + String(decoding: text, as: UTF8.self)))
        }
        func file(_ name: StaticString) -> String? { client.value("tlsConfig", name).map { String(decoding: $0, as: UTF8.self) } }
        http.tls.authority = file("caFile")
        http.tls.authorityFolder = file("caPath")
        http.tls.certificate = file("certFile")
        http.tls.key = file("keyFile")
        http.tls.serverName = file("address")
        http.tls.verifies = !(client.value("tlsConfig", "insecureSkipVerify")?.equals("true") ?? false)

        let options = try Settings.document(config, "queryOptions")
        try Settings.check(
            options, "queryOptions", [
                "namespace", "partition", "datacenter", "token", "near", "filter", "maxAge", "staleIfError", "nodeMeta", "allowStale",
                "requireConsistent", "useCache", "waitHash", "waitIndex", "waitTime", "relayFactor", "localOnly", "connect",
            ])
        queryToken = options.value("token").map { .fixed($0) }
        query = Settings.query(options, client)
        queryHeaders = try Settings.cacheControl(options)
        usesCache = config.flag("useCache")
        portKey = config.text("daprPortMetaKey").array
        deregisters = config.flag("selfDeregister")
        tags = config.text("tags").array
        checks = config.text("checks").array
        for (name, text) in [("tags", tags), ("checks", checks)] as [(String, [UInt8])] where !text.isEmpty {
            guard text.first == 0x5B else { throw .invalid("\(name) is to be a list.") }
            do throws(PluginError) { _ = try Document(text) } catch { throw .invalid("\(name) is no good JSON: \(error.message).") }
        }
        var pairs: [(name: [UInt8], value: [UInt8])] = []
        for leaf in try Settings.document(config, "meta").leaves where leaf.path.count == 1 { pairs.append((leaf.path[0], leaf.value)) }
        meta = pairs
        if config.text("advancedRegistration").isEmpty {
            whole = nil
        } else {
            var members: [(name: [UInt8], value: [UInt8])] = []
            for leaf in try Settings.document(config, "advancedRegistration", depth: 1).leaves where leaf.path.count == 1 {
                members.append((leaf.path[0], leaf.value))
            }
            whole = members
        }
        registers = config.flag("selfRegister") || whole != nil
    }

    /// What a setting holds, which is an object; empty when there is none.
    private static func document(_ config: Config, _ name: StaticString, depth: Int = .max) throws(PluginError) -> Document {
        let text = config.text(name).array
        if text.isEmpty { return try Document(Str("{}").array) }
        guard text.first(where: { $0 > 0x20 }) == 0x7B else { throw .invalid("\(Str(name).string) is to be a mapping.") }
        do throws(PluginError) { return try Document(text, depth: depth) } catch {
            throw .invalid("\(Str(name).string) is no good JSON: \(error.message).")
        }
    }

    /// Throws for a member that there is not.
    private static func check(_ document: Document, _ name: StaticString, _ known: [StaticString]) throws(PluginError) {
        for leaf in document.leaves {
            guard let first = leaf.path.first, !known.contains(where: { first.isSame(as: $0) }) else { continue }
            throw .invalid("\(Str(name).string) has no member \(String(decoding: first, as: UTF8.self)).")
        }
    }

    private static func query(_ options: Document, _ client: Document) -> String {
        var text = "passing=1"
        func add(_ name: String, _ value: [UInt8]?) { if let value { text += "&" + name + "=" + URLText.escaped(value) } }
        add("dc", options.value("datacenter") ?? client.value("datacenter"))
        add("ns", options.value("namespace") ?? client.value("namespace"))
        add("partition", options.value("partition") ?? client.value("partition"))
        add("near", options.value("near"))
        add("filter", options.value("filter"))
        for leaf in options.leaves where leaf.path.count == 2 && leaf.path[0].isSame(as: "nodeMeta") {
            add("node-meta", leaf.path[1] + [0x3A] + leaf.value)
        }
        if options.flag("allowStale") { text += "&stale" }
        if options.flag("requireConsistent") { text += "&consistent" }
        // Dapr's default where nothing else is said.
        if options.flag("useCache") || options.leaves.isEmpty { text += "&cached" }
        return text
    }

    /// Durations are Go's, or nanoseconds as Dapr has them.
    private static func cacheControl(_ options: Document) throws(PluginError) -> [(name: String, value: String)] {
        var text = ""
        for (name, value) in [("max-age", options.value("maxAge")), ("stale-if-error", options.value("staleIfError"))] {
            guard let value else { continue }
            guard let nanoseconds = value.withUnsafeBytes({ Str($0).decimal }).map({ Int64(clamping: $0) }) ?? GoDuration.parse(value) else {
                throw .invalid("queryOptions: \(String(decoding: value, as: UTF8.self)) is no duration; write 30s.")
            }
            text += (text.utf8.isEmpty ? "" : ", ") + name + "=\(nanoseconds / 1_000_000_000)"
        }
        return text.utf8.isEmpty ? [] : [("Cache-Control", text)]
    }

    static var fields: [Field] {
        [
            .string(
                "client", sensitive: true, example: #"{"address": "127.0.0.1:8500"}"#,
                "The agent, a mapping: address (127.0.0.1:8500 without it), scheme, datacenter, token or tokenFile, httpAuth (username, password), tlsConfig (address, caFile, caPath, certFile, keyFile, insecureSkipVerify)."),
            .boolean("selfRegister", default: "false", "Register this runtime as a service that is called as its app."),
            .boolean(
                "selfDeregister", default: "true",
                "Take the registration back when the runtime stops. Dapr's default is false; what is killed stays until its check finds out."),
            .string("tags", example: #"["dapr", "v1"]"#, "Tags of the registration, a list."),
            .string("meta", example: #"{"zone": "a"}"#, "More metadata of the registration, a mapping of texts."),
            .string(
                "checks", example: #"[{"name": "port", "tcp": "10.0.0.7:50002", "interval": "5s"}]"#,
                "Checks of the registration as Consul's API has them, a list. Without it the agent connects to this runtime's port for others every 5 s, and forgets it after a minute without."),
            .string("daprPortMetaKey", default: "DAPR_PORT", "Metadata of a service that says at which port its runtime is called."),
            .string(
                "advancedRegistration",
                "The whole registration as Consul's API has it, a mapping, in place of selfRegister, tags, meta and checks. What it lacks of ID, Name, Address and Port is added."),
            .string(
                "queryOptions", sensitive: true, example: #"{"useCache": true, "filter": "\"dapr\" in Service.Tags"}"#,
                "How services are asked for, a mapping: datacenter, namespace, partition, token, near, nodeMeta, filter, allowStale, requireConsistent, useCache (of the agent; true without queryOptions), maxAge, staleIfError."),
            .boolean(
                "useCache", default: "true",
                "Use the last answer for a minute while Consul does not answer."),
        ]
    }
}
