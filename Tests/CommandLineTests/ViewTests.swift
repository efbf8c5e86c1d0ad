import AdminAPI
import Console
import Testing
@testable import octavo

/// What people see, to the letter.
@Suite struct ViewTests {
    private static let pipe = Terminal(width: nil, colour: false)

    private static let redis = PluginSummary(
        name: "redis", version: "1.5.0", types: ["state.redis", "pubsub.redis"], path: "/p/redis.so", state: .ready,
        generation: 4, mode: .inProcess, unloadClass: .clean, componentCount: 2,
        statistics: CallStatistics(calls: 1_204_331, errors: 2, p50Nanoseconds: 84_000, p99Nanoseconds: 1_230_000),
        oldGenerations: [OldGeneration(generation: 3, state: "draining", reason: "3 open calls", openCalls: 3)])
    private static let broken = PluginSummary(
        name: "mail", path: "/p/mail.so", state: .rejected, reason: "It is for ARM64, this machine is x86-64.")

    @Test("plugins stand in a table with their figures")
    func plugins() {
        #expect(PluginView.table([Self.redis, Self.broken], on: Self.pipe) == """
            NAME   VERSION  STATE            GEN  MODE        COMPONENTS      CALLS  ERRORS    P50      P99  TYPES                      REASON
            redis  1.5.0    ready     4 (+1 old)  in process           2  1,204,331       2  84 µs  1.23 ms  state.redis, pubsub.redis  –
            mail   –        rejected           –  –                    0          0       0      –        –  –                          It is for ARM64, this machine is x86-64.

            """)
        #expect(PluginView.table([], on: Self.pipe) == "The runtime has no plugins.\n")
    }

    @Test("a plugin is described with what keeps its old generations and what its types take")
    func plugin() {
        let type = ComponentType(
            name: "state.redis", version: "v1", kind: "state", description: "Keys in Redis.", execution: "blocking",
            workers: 4, features: ["ETAG", "TTL"],
            fields: [
                SchemaField(name: "redisHost", type: "string", required: true, description: "Host and port"),
                SchemaField(
                    name: "redisPassword", aliases: ["password"], type: "string", sensitive: true, hot: true),
                SchemaField(name: "redisType", type: "enum", defaultValue: "node", allowedValues: ["node", "cluster"]),
            ])
        let description = PluginDescription(
            summary: Self.redis, abi: "1.2", minimumHostABI: "1.0", fileBytes: 81_920,
            neededLibraries: ["libhiredis.so.1"], types: [type])
        #expect(PluginView.text(description, on: Self.pipe) == """
            name          redis
            version       1.5.0
            state         ready
            file          /p/redis.so
            size          81.9 kB
            plugin ABI    1.2, needs 1.0
            needs         libhiredis.so.1
            mode          in process
            unload        clean
            generation    4
            components    2
            calls         1,204,331, 2 failed, half within 84 µs, 99 % within 1.23 ms
            generation 3  draining: 3 open calls

            state.redis/v1
              about     Keys in Redis.
              runs      blocking, 4 workers
              features  ETAG, TTL
              METADATA       TYPE          NEEDED  DEFAULT  ABOUT
              redisHost      string        yes     –        Host and port
              redisPassword  string        –       –        also password; secret; can change while running
              redisType      node|cluster  –       node     –

            """)
    }

    @Test("a change says what it did in one line", arguments: [
        ("Reloaded", PluginChange(
            plugin: redis, name: "redis", fromGeneration: 3, fromVersion: "1.4.0", components: ["cart", "stock"],
            drainedCalls: 14, abandonedCalls: 1, durationNanoseconds: 12_000_000, notes: ["It stays mapped."]),
            "Reloaded redis in 12 ms: generation 3 → 4, version 1.4.0 → 1.5.0, 2 components (cart, stock), 14 calls "
                + "drained, 1 call ended.\nIt stays mapped.\n"),
        ("Loaded", PluginChange(plugin: redis, name: "redis", durationNanoseconds: 5_000_000),
            "Loaded redis in 5 ms: generation 4, version 1.5.0.\n"),
        ("Unloaded", PluginChange(plugin: nil, name: "redis", durationNanoseconds: 9_000),
            "Unloaded redis in 9 µs.\n"),
    ] as [(String, PluginChange, String)])
    func change(verb: String, change: PluginChange, text: String) {
        #expect(PluginChangeView.text(change, verb: verb) == text)
    }

    @Test("a component is described with its health and metadata, secrets hidden")
    func component() {
        let component = ComponentDescription(
            summary: ComponentSummary(
                name: "cart", type: "state.redis", version: "v1", plugin: "redis", generation: 4, state: .ready,
                health: ComponentHealth(
                    state: "unhealthy", reason: "connection refused", sinceUnixMilliseconds: 1_000),
                features: ["ETAG"]),
            metadata: [
                ComponentMetadata(name: "redisHost", value: "localhost:6379", origin: "file"),
                ComponentMetadata(name: "redisPassword", value: nil, origin: "secret"),
            ], source: "resources/cart.yaml")
        #expect(ComponentView.text(component, on: Self.pipe, now: 201_000) == """
            name         cart
            type         state.redis/v1
            state        ready
            plugin       redis, generation 4
            starts       at start
            health       unhealthy for 3m 20s: connection refused
            features     ETAG
            calls        0
            declared in  resources/cart.yaml
            apps         all

            METADATA       VALUE           FROM
            redisHost      localhost:6379  file
            redisPassword  (secret)        secret

            """)
    }

    @Test("the status says why the runtime is not ready")
    func status() {
        let status = RuntimeStatus(
            appID: "shop", version: "1.0.0", processID: 7, uptimeSeconds: 200, ready: false,
            notReadyReasons: ["component cart: connection refused"],
            addresses: [ListenAddress(purpose: "http", address: "127.0.0.1:3500")],
            app: AppStatus(address: "http://127.0.0.1:80", healthy: false, reason: "no answer", processID: 9),
            eventLoops: 2, residentBytes: 38_100_000, openDescriptors: 21, openConnections: 1, pluginCount: 4,
            componentCount: 2, failedComponentCount: 1, calls: 10, errors: 3, dataFolder: "/d", pluginFolders: ["/p"])
        #expect(StatusView.text(status, on: Self.pipe) == """
            app id          shop
            state           not ready
            because         component cart: connection refused
            version         1.0.0
            process         7
            running for     3m 20s
            http            127.0.0.1:3500
            app             unhealthy, at http://127.0.0.1:80, process 9: no answer
            event loops     2
            memory          38.1 MB
            connections     1
            descriptors     21
            plugins         4
            components      2, 1 failed
            calls           10, 3 failed
            data            /d
            plugin folders  /p

            """)
    }

    @Test("the doctor names the cause and the remedy of each finding")
    func doctor() {
        let report = DoctorReport(findings: [
            DoctorFinding(severity: .error, subject: "plugin mail", cause: "It is for ARM64.", remedy: "Build it here.")
        ])
        #expect(DoctorView.text(report, on: Self.pipe) == """
            error  plugin mail
              It is for ARM64.
              → Build it here.

            1 finding.

            """)
        #expect(DoctorView.text(DoctorReport(findings: []), on: Self.pipe) == "Nothing wrong was found.\n")
    }

    @Test("a value that is not UTF-8 is base 64 in JSON", arguments: [
        ([], ""), ([0xFF], "/w=="), ([0xFF, 0xFE], "//4="), ([0xFF, 0xFE, 0xFD], "//79"), ([0xFB, 0, 1, 2], "+wABAg=="),
    ] as [([UInt8], String)])
    func base64(bytes: [UInt8], text: String) {
        #expect(Base64.encoded(bytes) == text)
        let document = StateDocument(store: "s", key: "k", item: StateItem(value: bytes))
        #expect(bytes.isEmpty ? document.value == "" : document.valueBase64 == text && document.value == nil)
    }
}
