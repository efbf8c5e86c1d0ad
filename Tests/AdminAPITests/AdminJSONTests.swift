import Testing
@testable import AdminAPI

/// The documents are an interface: their text is pinned here, key by key.
@Suite struct AdminJSONTests {
    private static func text(_ value: some Encodable) -> String {
        String(decoding: AdminJSON.encoded(value), as: UTF8.self)
    }

    @Test("the status has stable keys in a stable order")
    func status() throws {
        let status = RuntimeStatus(
            appID: "shop", version: "1.0.0", processID: 7, uptimeSeconds: 1.5, ready: false,
            notReadyReasons: ["The component \"store\" failed."],
            addresses: [ListenAddress(purpose: "http", address: "127.0.0.1:3500")],
            app: AppStatus(address: "http://127.0.0.1:80", healthy: true, processID: 8), eventLoops: 2,
            residentBytes: 9, openDescriptors: 3, openConnections: 4, pluginCount: 1, componentCount: 2,
            failedComponentCount: 1, calls: 10, errors: 5, dataFolder: "/d", pluginFolders: ["/p"])
        #expect(
            Self.text(status) == #"{"appId":"shop","version":"1.0.0","processId":7,"uptimeSeconds":1.5,"ready":false,"#
                + #""notReadyReasons":["The component \"store\" failed."],"addresses":[{"purpose":"http","address":"#
                + #""127.0.0.1:3500"}],"app":{"address":"http://127.0.0.1:80","healthy":true,"processId":8},"#
                + #""eventLoops":2,"residentBytes":9,"openDescriptors":3,"openConnections":4,"pluginCount":1,"#
                + #""componentCount":2,"failedComponentCount":1,"calls":10,"errors":5,"dataFolder":"/d","#
                + #""pluginFolders":["/p"]}"#)
        #expect(try AdminJSON.decoded(RuntimeStatus.self, from: AdminJSON.encoded(status)) == status)
    }

    @Test("a plugin has stable keys in a stable order")
    func plugin() throws {
        let plugin = PluginSummary(
            name: "redis", version: "1.4.0", types: ["state.redis"], path: "/p/redis.so", state: .degraded,
            reason: "slow", generation: 3, mode: .inProcess, unloadClass: .isolatedOnly, componentCount: 1,
            statistics: CallStatistics(calls: 5, errors: 1, open: 2, p50Nanoseconds: 10, p99Nanoseconds: 20),
            oldGenerations: [OldGeneration(generation: 2, version: "1.3.0", state: "draining", openCalls: 1)])
        #expect(
            Self.text(PluginList(plugins: [plugin]))
                == #"{"plugins":[{"name":"redis","version":"1.4.0","types":["state.redis"],"path":"/p/redis.so","#
                + #""state":"degraded","reason":"slow","generation":3,"mode":"in process","unloadClass":"#
                + #""isolated only","componentCount":1,"statistics":{"calls":5,"errors":1,"open":2,"#
                + #""p50Nanoseconds":10,"p99Nanoseconds":20},"oldGenerations":[{"generation":2,"version":"1.3.0","#
                + #""state":"draining","openCalls":1}]}]}"#)
        #expect(try AdminJSON.decoded(PluginSummary.self, from: AdminJSON.encoded(plugin)) == plugin)
    }

    @Test("a component has stable keys in a stable order")
    func component() throws {
        let component = ComponentDescription(
            summary: ComponentSummary(
                name: "store", type: "state.redis", version: "v1", state: .failed, reason: "no plugin",
                health: ComponentHealth(
                    state: "unhealthy", reason: "refused", lastError: "E", sinceUnixMilliseconds: 1_700_000_000_000),
                features: ["ETAG"]),
            metadata: [ComponentMetadata(name: "redisPassword", value: nil, origin: "secret")], scopes: ["shop"])
        #expect(
            Self.text(component)
                == #"{"summary":{"name":"store","type":"state.redis","version":"v1","generation":0,"state":"failed","#
                + #""reason":"no plugin","startMode":"at start","health":{"state":"unhealthy","reason":"refused","#
                + #""lastError":"E","sinceUnixMilliseconds":1700000000000},"features":["ETAG"],"statistics":"#
                + #"{"calls":0,"errors":0,"open":0}},"metadata":[{"name":"redisPassword","origin":"secret"}],"#
                + #""scopes":["shop"],"warnings":[]}"#)
        #expect(try AdminJSON.decoded(ComponentDescription.self, from: AdminJSON.encoded(component)) == component)
    }

    @Test("a description, a change, a report and an error survive the way there and back")
    func roundTrips() throws {
        let type = ComponentType(
            name: "state.redis", version: "v1", kind: "state", execution: "blocking", workers: 4,
            fields: [SchemaField(name: "redisHost", type: "string", required: true, allowedValues: ["a"], hot: true)])
        let plugin = PluginSummary(name: "redis", path: "/p", state: .rejected)
        let description = PluginDescription(summary: plugin, abi: "1.0", buildID: "ab", types: [type])
        #expect(try AdminJSON.decoded(PluginDescription.self, from: AdminJSON.encoded(description)) == description)
        #expect(Self.text(description).contains(#""buildId":"ab""#))
        let change = PluginChange(plugin: plugin, name: "redis", fromGeneration: 1, notes: ["n"])
        #expect(try AdminJSON.decoded(PluginChange.self, from: AdminJSON.encoded(change)) == change)
        let report = DoctorReport(findings: [
            DoctorFinding(severity: .error, subject: "s", cause: "c", remedy: "r")
        ])
        #expect(Self.text(report) == #"{"findings":[{"severity":"error","subject":"s","cause":"c","remedy":"r"}]}"#)
        let error = AdminError(.conflict, "taken")
        #expect(Self.text(error) == #"{"code":"CONFLICT","message":"taken"}"#)
        #expect(try AdminJSON.decoded(AdminError.self, from: AdminJSON.encoded(error)) == error)
    }

    @Test("words and members of a later runtime are no error")
    func laterRuntime() throws {
        let text = #"{"severity":"cosmic","subject":"s","cause":"c","remedy":"r","weight":[1,{"a":null}]}"#
        let finding = try AdminJSON.decoded(DoctorFinding.self, from: Array(text.utf8))
        #expect(finding.severity.rawValue == "cosmic")
    }

    @Test("strings survive whatever they hold", arguments: [
        "", "\"\\/\u{8}\u{C}\n\r\t\u{1}\u{1F}", "日本 🚀 e\u{301}", "\u{0}", "\u{FFFF}",
    ])
    func strings(text: String) throws {
        #expect(try AdminJSON.decoded([String].self, from: AdminJSON.encoded([text])) == [text])
    }

    @Test("what is no JSON is refused", arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "tru", "[1 2]", "[1e999]", "[1.5]", "[99999999999999999999]", "{}",
        String(repeating: "[", count: 100_000),
    ])
    func malformed(text: String) {
        #expect(throws: AdminJSON.Unreadable.self) {
            try AdminJSON.decoded([Int].self, from: Array(text.utf8))
        }
    }

    @Test("a value of the wrong kind is named", arguments: [
        (#"{"appId":1}"#, "'appId' is not a string"), (#"{"appId":"a","version":"1"}"#, "'processId' is missing"),
        ("[]", "the document is not an object"),
        (#"{"appId":"a","version":"1","processId":1.5}"#, "'processId' is not a whole number in range"),
        (#"{"appId":"a","version":"1","processId":1e40}"#, "'processId' is not a whole number in range"),
    ])
    func wrongKind(text: String, reason: String) {
        let error = #expect(throws: AdminJSON.Unreadable.self) {
            try AdminJSON.decoded(RuntimeStatus.self, from: Array(text.utf8))
        }
        #expect(error?.description == reason)
    }
}
