import Foundation
import JSONText
import Testing

@Suite("RabbitMQ", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the Dapr SDK"))
struct RabbitTests {
    private static let kept = [("durable", "true"), ("deletedWhenUnused", "false")]

    private func with(
        _ settings: [(String, String)], flags: [String] = [], untilReady: Bool = true, _ body: (OctavoProcess) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        try scratch.write(Resource.component("bus", "pubsub.rabbitmq", settings), to: "resources/bus.yaml")
        try await OctavoProcess.with(
            in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags, untilReady: untilReady, body)
    }

    @Test("keeps to what a broker must do, in process and isolated", arguments: [[], ["durable=true", "deletedWhenUnused=false"]])
    func conformance(settings: [String]) async throws {
        let server = try await RabbitServer.shared.value
        let checked = try await Subprocess.run(
            Places.octavo,
            ["plugin", "check", Places.plugin("rabbitmq"), "--kind", "pubsub"]
                + (["connectionString=\(server.url)"] + settings).flatMap { ["--set", $0] }, within: .seconds(180))
        #expect(checked.code == 0, "\(checked.output)\n\(checked.errors)")
        #expect(checked.output.contains("what a consumer has not settled goes to another of its group"))
    }

    @Test("messages come to the Dapr SDK over streams as they were published", arguments: [[], ["--isolate", "all"]])
    func streams(flags: [String]) async throws {
        let server = try await RabbitServer.shared.value
        try await with([("connectionString", server.url)], flags: flags) { octavo in
            try await SDKTests.run("pubsub", ["bus"], octavo)
        }
    }

    @Test("messages are shared by an app's subscribers, and survive the death of the plugin's process", arguments: [false, true])
    func shared(isolated: Bool) async throws {
        let server = try await RabbitServer.shared.value
        let flags = isolated ? ["--isolate", "rabbitmq", "--crash-loop-limit", "0"] : []
        try await with([("connectionString", server.url)] + Self.kept, flags: flags) { octavo in
            let kills = isolated ? ["rabbitmq", Places.octavo, octavo.adminSocket] : []
            try await SDKTests.run("pubsub_shared", ["bus", "--joined"] + kills, octavo)
        }
    }

    @Test("a server that is killed while messages come and go loses none that was acknowledged", arguments: [[], ["--isolate", "all"]])
    func restart(flags: [String]) async throws {
        let server = try await RabbitServer.shared.value
        try await with([("connectionString", server.url)] + Self.kept, flags: flags) { octavo in
            try await BrokerRestart.run("bus", octavo) {
                try await server.killed()
                try await server.start()
            }
        }
    }

    @Test("what is dropped is with the dead letters of its queue")
    func deadLetters() async throws {
        let server = try await RabbitServer.shared.value
        let scratch = try Scratch()
        let settings = [("connectionString", server.url)] + Self.kept
        try scratch.write(
            Resource.component("bus", "pubsub.rabbitmq", settings + [("enableDeadLetter", "true")]) + "---\n"
                + Resource.component("other", "pubsub.rabbitmq", settings), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { octavo in
            try await SDKTests.run("pubsub_dropped", ["bus", "given-up", "other"], octavo)
        }
    }

    @Test("TLS, with a password and with the name of a certificate; a stranger's certificate is refused")
    func secure() async throws {
        let server = try await RabbitServer.shared.value
        let made = server.certificates
        let own = [("caCert", made.authority), ("clientCert", made.client), ("clientKey", made.clientKey)]
        let secure = "127.0.0.1:\(server.securePort)"
        let ways = [
            [("connectionString", "amqps://\(RabbitServer.user):\(RabbitServer.password)@\(secure)")] + own,
            [("hostname", secure), ("protocol", "amqps"), ("saslExternal", "true")] + own,
        ]
        for way in ways {
            try await with(way) { octavo in
                let answer = try await publish(octavo)
                #expect(answer.status == 204, "\(answer.body)")
            }
        }
        let strange = [("connectionString", "amqps://a:b@\(secure)"), ("caCert", made.stranger), ("clientCert", made.client), ("clientKey", made.clientKey)]
        try await refused(strange, "its certificate is not of the authority in caCert")
        try await refused([("connectionString", "amqp://\(RabbitServer.user):wrong@127.0.0.1:\(server.port)")], "refuses the user or the password")
        try await refused([("connectionString", server.url + "/nowhere")], "Check the vhost")
    }

    @Test("a binding's queue keeps to what a binding must do, in process and isolated")
    func bindingConformance() async throws {
        let server = try await RabbitServer.shared.value
        let checked = try await Subprocess.run(
            Places.octavo,
            ["plugin", "check", Places.plugin("rabbitmq"), "--kind", "binding", "--set", "host=\(server.url)", "--set", "queueName=checked"],
            within: .seconds(180))
        #expect(checked.code == 0, "\(checked.output)\n\(checked.errors)")
        #expect(checked.output.contains("what was not delivered before the end comes to the next reader"))
    }

    @Test("what a binding creates in a queue comes to the app, with its metadata", arguments: [[], ["--isolate", "all"]])
    func binding(flags: [String]) async throws {
        let server = try await RabbitServer.shared.value
        try await BindingRoundTrip.run(
            "bindings.rabbitmq", [("host", server.url), ("queueName", "work"), ("durable", "true")], metadata: ("colour", "red"),
            expected: ("colour", "red"), flags: flags)
    }

    private func publish(_ octavo: OctavoProcess) async throws -> Curl.Answer {
        try await Curl(method: "POST", path: "/v1.0/publish/bus/t", headers: ["content-type: text/plain"], body: "x").send(to: octavo.base)
    }

    private func refused(_ settings: [(String, String)], _ cause: String) async throws {
        try await with(settings, untilReady: false) { octavo in
            try await eventually("\(cause) is said: \(octavo.process.errors)", within: .seconds(30)) {
                octavo.process.errors.contains(cause) ? () : nil
            }
            #expect(!octavo.process.errors.contains(RabbitServer.password))
        }
    }
}
