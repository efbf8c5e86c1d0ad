import Arguments
import Runtime
import Testing
@testable import octavo

/// `octavo run` from arguments to options, without running anything.
@Suite struct RunFlagTests {
    private static func options(
        _ arguments: [String], environment: [String: String] = ["HOME": "/home/ada"]
    ) throws -> RuntimeOptions {
        let command = try #require(try CommandLineSyntax.command(["run"] + arguments) as? RunCommand)
        return try command.options { environment[$0] }
    }

    @Test("without flags everything has a sidecar's default")
    func defaults() throws {
        let options = try Self.options([])
        #expect(options.appID == "octavo")
        #expect(options.dataFolder == "/home/ada/.local/share/octavo/octavo")
        #expect(options.adminSocket.hasSuffix("/octavo.sock"))
        #expect(options.api == APIOptions())
        #expect(options.api.httpPort == 3500 && options.api.grpcPort == 50001)
        #expect(options.api.listenAddresses == ["127.0.0.1"])
        #expect(options.metrics == MetricsOptions() && options.log == LogOptions())
        #expect(options.app == AppOptions() && options.appHealth == nil && options.tls == nil)
        #expect(!options.pluginFolders.isEmpty)
        #expect(options.appCommand.isEmpty && options.ignoredFlags.isEmpty)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let arguments: [String]
        let expect: @Sendable (RuntimeOptions) -> Bool
        init(_ arguments: String, _ expect: @escaping @Sendable (RuntimeOptions) -> Bool) {
            self.arguments = arguments.split(separator: " ").map(String.init)
            self.expect = expect
        }
        var testDescription: String { arguments.joined(separator: " ") }
    }

    @Test("a flag sets what it names", arguments: [
        Case("--app-id shop") { $0.appID == "shop" && $0.adminSocket.hasSuffix("/shop.sock") },
        Case("-app-id shop") { $0.appID == "shop" },
        Case("-app-id=shop") { $0.appID == "shop" },
        Case("-a shop -p 8080 -P grpc") { $0.appID == "shop" && $0.app.port == 8080 && $0.app.protocol == .grpc },
        Case("--app-port -1") { $0.app.port == nil },
        Case("--app-port=-1") { $0.app.port == nil },
        Case("--app-channel-address app.local") { $0.app.channelAddress == "app.local" },
        Case("--app-channel-address unix:/run/app.sock") { $0.app.channelAddress == "unix:/run/app.sock" },
        Case("--disable-init-endpoints config,subscribe") { !$0.app.asksConfiguration && !$0.app.asksSubscriptions },
        Case("--disable-init-endpoints subscribe") { $0.app.asksConfiguration && !$0.app.asksSubscriptions },
        Case("--app-binding-options-timeout 500ms") { $0.app.bindingTimeout == .milliseconds(500) },
        Case("--app-max-concurrency 4") { $0.app.maxConcurrency == 4 },
        Case("--app-max-concurrency -1") { $0.app.maxConcurrency == nil },
        Case("--resources-path a --components-path b,c -d d") { $0.resourcePaths == ["a", "b", "c", "d"] },
        Case("--config a.yaml --config b.yaml") { $0.configurationPaths == ["a.yaml", "b.yaml"] },
        Case("--on-crash off") { $0.onCrash == .off },
        Case("--watch") { $0.watchesPlugins == true },
        Case("--app-id shop") { $0.watchesPlugins == nil },
        Case("--plugins-dir p --plugins-dir q") { $0.pluginFolders == ["p", "q"] },
        Case("--dapr-http-port 0 --dapr-grpc-port 0") { $0.api.httpPort == 0 && $0.api.grpcPort == 0 },
        Case("-H 3600 -G 50100 -I 50200") {
            $0.api.httpPort == 3600 && $0.api.grpcPort == 50100 && $0.api.internalGRPCPort == 50200
        },
        Case("--dapr-public-port 3501") { $0.api.publicPort == 3501 },
        Case("--dapr-listen-addresses 0.0.0.0,::") { $0.api.listenAddresses == ["0.0.0.0", "::"] },
        Case("--unix-domain-socket /run/x") { $0.api.unixSocketFolder == "/run/x" },
        Case("--max-body-size 16Mi --read-buffer-size 8Ki") {
            $0.api.maxBodySize == 16 << 20 && $0.api.readBufferSize == 8 << 10
        },
        Case("--allowed-origins https://a,https://b") { $0.api.allowedOrigins == ["https://a", "https://b"] },
        Case("--log-level warn --log-as-json") { $0.log.level == .warning && $0.log.json },
        Case("--log-level DEBUG --log-as-json=false") { $0.log.level == .debug && !$0.log.json },
        Case("--enable-metrics=false") { !$0.metrics.enabled },
        Case("--enable-metrics -M 0") { $0.metrics.enabled && $0.metrics.port == 0 },
        Case("--metrics-listen-address 127.0.0.1") { $0.metrics.listenAddress == "127.0.0.1" },
        Case("--enable-api-logging") { $0.api.logRequests == true },
        Case("--enable-api-logging=false") { $0.api.logRequests == false },
        Case("--dapr-graceful-shutdown-seconds 0") { $0.shutdown.grace == .zero },
        Case("--dapr-block-shutdown-duration 1m30s") { $0.shutdown.block == .seconds(90) },
        Case("--enable-app-health-check --app-health-check-path ping --app-health-probe-interval 2") {
            $0.appHealth?.path == "/ping" && $0.appHealth?.interval == .seconds(2)
                && $0.appHealth?.timeout == .milliseconds(500) && $0.appHealth?.threshold == 3
        },
        Case("--data-dir /d --event-loops 3 --admin-socket /s") {
            $0.dataFolder == "/d" && $0.eventLoops == 3 && $0.adminSocket == "/s"
        },
        Case("--tls-cert c --tls-key k --tls-client-ca a") {
            $0.tls == TLSOptions(certificate: "c", privateKey: "k", clientAuthorities: "a")
        },
        Case("--app-id shop -- python3 app.py --app-id other -x") {
            $0.appID == "shop" && $0.appCommand == ["python3", "app.py", "--app-id", "other", "-x"]
        },
        Case("-placement-host-address h:1 --mode=standalone --enable-profiling --enable-mtls=true --app-id x") {
            $0.appID == "x"
                && $0.ignoredFlags == ["--placement-host-address", "--mode", "--enable-profiling", "--enable-mtls"]
        },
    ])
    func flag(_ given: Case) throws {
        let options = try Self.options(given.arguments)
        #expect(given.expect(options), "\(options)")
    }

    @Test("the data folder follows the environment", arguments: [
        (["XDG_DATA_HOME": "/data", "HOME": "/h"], "/data/octavo/octavo"),
        (["XDG_DATA_HOME": "relative", "HOME": "/h"], "/h/.local/share/octavo/octavo"),
        ([:], "/var/lib/octavo/octavo"),
    ] as [([String: String], String)])
    func dataFolder(environment: [String: String], folder: String) throws {
        #expect(try Self.options([], environment: environment).dataFolder == folder)
    }

    @Test("what can't be is refused with the flag and the remedy", arguments: [
        (["--app-id", "a/b"], "--app-id 'a/b' can't name an app"),
        (["--app-id", ""], "--app-id '' can't name an app"),
        (["--app-port", "0"], "--app-port is 0"),
        (["--app-channel-address", "unix:"], "without a path"),
        (["--disable-init-endpoints", "config,invoke"], "not 'invoke'"),
        (["--app-binding-options-timeout", "0s"], "longer than zero"),
        (["--app-port", "70000"], "--app-port <port>"),
        (["--app-protocol", "smtp"], "--app-protocol"),
        (["--app-max-concurrency", "0"], "--app-max-concurrency is 0"),
        (["--max-body-size", "4Xi"], "--max-body-size"),
        (["--max-body-size", "0"], "--max-body-size is 0 bytes; the least is 1."),
        (["--read-buffer-size", "10"], "--read-buffer-size is 10 bytes; the least is 1024."),
        (["--dapr-http-port", "9", "--dapr-grpc-port", "9"], "are both 9"),
        (["--tls-cert", "c"], "--tls-cert needs --tls-key"),
        (["--tls-key", "k"], "--tls-key needs --tls-cert"),
        (["--tls-client-ca", "a"], "--tls-client-ca needs"),
        (["--event-loops", "0"], "--event-loops is 0"),
        (["--dapr-graceful-shutdown-seconds", "-1"], "is negative"),
        (["--dapr-block-shutdown-duration", "soon"], "--dapr-block-shutdown-duration"),
        (["--enable-app-health-check", "--app-health-probe-timeout", "5000"], "must be shorter"),
        (["--enable-app-health-check", "--app-health-threshold", "0"], "--app-health-threshold is 0"),
        (["--enable-metrics=maybe"], "--enable-metrics"),
        (["--app-prot", "1"], "Did you mean '--app-port'?"),
        (["--app-id"], "Missing value"),
        (["stray"], "Unexpected argument 'stray'"),
    ] as [([String], String)])
    func refusal(arguments: [String], message: String) async throws {
        let outcome = await Outcome.running(["run"] + arguments)
        #expect(outcome.code == Outcome.Code.misuse)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test("sizes are read as Kubernetes writes them", arguments: [
        ("4096", 4_096), ("4Ki", 4_096), ("4Mi", 4 << 20), ("1Gi", 1 << 30), ("4k", 4_000), ("1.5M", 1_500_000),
        ("0", 0), ("", nil), ("-1", nil), ("1e3", nil), ("Mi", nil), ("4 Mi", nil), ("inf", nil), ("99999999Gi", nil),
        ("1.2.3", nil),
    ] as [(String, Int?)])
    func byteSize(text: String, bytes: Int?) {
        #expect(ByteSize(argument: text)?.bytes == bytes)
    }

    @Test("durations are read as Go writes them", arguments: [
        ("300ms", .milliseconds(300)), ("1.5h", .seconds(5_400)), ("2h45m", .seconds(9_900)), ("10", .seconds(10)),
        ("1us", .microseconds(1)), ("1µs", .microseconds(1)), ("0s", .zero), ("", nil), ("h", nil), ("5x", nil),
        ("-5s", nil), ("5s3", nil), ("99999999999h", nil), ("1..5s", nil),
    ] as [(String, Duration?)])
    func timeSpan(text: String, duration: Duration?) {
        #expect(TimeSpan(argument: text)?.duration == duration)
    }
}
