import Foundation
import JSONText
import Testing

@Suite("MQTT", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the Dapr SDK"))
struct MQTTTests {
    private func with(
        _ settings: [(String, String)], flags: [String] = [], untilReady: Bool = true, _ body: (OctavoProcess) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        try scratch.write(Resource.component("bus", "pubsub.mqtt3", settings), to: "resources/bus.yaml")
        try await OctavoProcess.with(
            in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags, untilReady: untilReady, body)
    }

    @Test("keeps to what a broker must do, in process and isolated", arguments: [[], ["qos=2"], ["cleanSession=true"]])
    func conformance(settings: [String]) async throws {
        let server = try await MosquittoServer.start()
        let checked = try await Subprocess.run(
            Places.octavo,
            ["plugin", "check", Places.plugin("mqtt"), "--kind", "pubsub"] + (["url=\(server.url)"] + settings).flatMap { ["--set", $0] },
            within: .seconds(180))
        #expect(checked.code == 0, "\(checked.output)\n\(checked.errors)")
        #expect(checked.output.contains("what a consumer has not settled goes to another of its group"))
        withExtendedLifetime(server) {}
    }

    @Test("messages come to the Dapr SDK over streams as they were published", arguments: [[], ["--isolate", "all"]])
    func streams(flags: [String]) async throws {
        let server = try await MosquittoServer.start()
        try await with([("url", server.url)], flags: flags) { octavo in
            try await SDKTests.run("pubsub", ["bus"], octavo)
            try await SDKTests.run("pubsub_wildcards", ["bus"], octavo)
        }
    }

    @Test("messages are shared by an app's subscribers, and survive the death of the plugin's process", arguments: [false, true])
    func shared(isolated: Bool) async throws {
        let server = try await MosquittoServer.start()
        try await with([("url", server.url)], flags: isolated ? ["--isolate", "mqtt", "--crash-loop-limit", "0"] : []) { octavo in
            let kills = isolated ? ["mqtt", Places.octavo, octavo.adminSocket] : []
            try await SDKTests.run("pubsub_shared", ["bus", "--joined"] + kills, octavo)
        }
    }

    @Test("a server that is killed while messages come and go loses none that was acknowledged", arguments: [[], ["--isolate", "all"]])
    func restart(flags: [String]) async throws {
        var server = try await MosquittoServer.start()
        try await with([("url", server.url)], flags: flags) { octavo in
            try await BrokerRestart.run("bus", octavo) { server = try await server.restarted() }
        }
        withExtendedLifetime(server) {}
    }

    @Test("a binding's topic keeps to what a binding must do, in process and isolated")
    func bindingConformance() async throws {
        let server = try await MosquittoServer.start()
        let checked = try await Subprocess.run(
            Places.octavo,
            [
                "plugin", "check", Places.plugin("mqtt"), "--kind", "binding", "--set", "url=\(server.url)", "--set", "topic=checked",
                "--set", "consumerID=check",
            ], within: .seconds(180))
        #expect(checked.code == 0, "\(checked.output)\n\(checked.errors)")
        #expect(checked.output.contains("what was not delivered before the end comes to the next reader"))
        withExtendedLifetime(server) {}
    }

    @Test("what a binding creates in a topic comes to the app, with its topic", arguments: [[], ["--isolate", "all"]])
    func binding(flags: [String]) async throws {
        let server = try await MosquittoServer.start()
        try await BindingRoundTrip.run(
            "bindings.mqtt3", [("url", server.url), ("topic", "house/heat")], metadata: ("topic", "house/heat"),
            expected: ("topic", "house/heat"), flags: flags)
        withExtendedLifetime(server) {}
    }

    @Test("TLS with a password; a stranger's certificate and a wrong password are refused")
    func secure() async throws {
        let made = try await Certificates()
        let server = try await MosquittoServer.start(made)
        func settings(_ password: String, _ authority: String) -> [(String, String)] {
            [
                ("url", "mqtts://\(MosquittoServer.user):\(password)@localhost:\(server.securePort)"), ("caCert", authority),
                ("clientCert", made.client), ("clientKey", made.clientKey),
            ]
        }
        try await with(settings(MosquittoServer.password, made.authority)) { octavo in
            let answer = try await Curl(
                method: "POST", path: "/v1.0/publish/bus/t", headers: ["content-type: text/plain"], body: "x"
            ).send(to: octavo.base)
            #expect(answer.status == 204, "\(answer.body)")
        }
        for (refused, cause) in [
            (settings(MosquittoServer.password, made.stranger), "certificate is refused"),
            (settings("another", made.authority), "the user or the password is wrong"),
        ] {
            try await with(refused, untilReady: false) { octavo in
                try await eventually("\(cause) is said: \(octavo.process.errors)", within: .seconds(30)) {
                    octavo.process.errors.contains(cause) ? () : nil
                }
                #expect(!octavo.process.errors.contains(MosquittoServer.password))
            }
        }
    }
}
