import Foundation
import JSONText
import Testing

@Suite("Messages of JetStream", .serialized)
struct NatsTests {
    /// Runs a runtime with one component, `bus`.
    private func with(
        _ metadata: [(String, String)], flags: [String] = [], untilReady: Bool = true, _ body: (OctavoProcess) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        try scratch.write(Resource.component("bus", "pubsub.jetstream", metadata), to: "resources/bus.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags, untilReady: untilReady, body)
    }

    private func publish(_ octavo: OctavoProcess, _ topic: String = "orders") async throws -> Curl.Answer {
        try await Curl(method: "POST", path: "/v1.0/publish/bus/\(topic)", headers: ["content-type: text/plain"], body: "x").send(to: octavo.base)
    }

    private func published(_ octavo: OctavoProcess, _ topic: String = "orders") async throws {
        let answer = try await publish(octavo, topic)
        #expect(answer.status == 204, "\(answer)")
    }

    @Test("are shared by an app's subscribers, and survive the death of the plugin's process",
          .enabled(if: Places.hasSDK, "tools/setup test installs it"), arguments: [false, true])
    func shared(isolated: Bool) async throws {
        let server = try await NatsServer.start()
        let metadata = [("natsURL", "nats://127.0.0.1:\(server.port)"), ("createStream", "true"), ("ackWait", "1s")]
        try await with(metadata, flags: isolated ? ["--isolate", "nats", "--crash-loop-limit", "0"] : []) { octavo in
            let kills = isolated ? ["nats", Places.octavo, octavo.adminSocket] : []
            try await SDKTests.run("pubsub_shared", ["bus"] + kills, octavo)
        }
        try await server.killed()
    }

    @Test("that were acknowledged are not lost when the server is killed, again and again",
          .enabled(if: Places.hasSDK, "tools/setup test installs it"))
    func killedServer() async throws {
        let server = try await NatsServer.start()
        let metadata = [("natsURL", "nats://127.0.0.1:\(server.port)"), ("createStream", "true"), ("ackWait", "2s")]
        try await with(metadata) { octavo in
            let script = try Subprocess(
                Places.python, [Places.script("pubsub_outage"), "bus", "3"], environment: SDKTests.environment(octavo))
            var running = server
            for round in 1...3 {
                _ = try await eventually("round \(round)\n\(script.output)\(script.errors)", within: .seconds(40)) {
                    if let code = script.code { throw Trouble("the script ended with \(code): \(script.output)\(script.errors)") }
                    return script.output.contains("kill \(round)\n") ? () : nil
                }
                try await running.killed()
                running = try await running.again()
            }
            let end = try await script.ended(within: .seconds(60))
            #expect(end.code == 0, "\(end.output)\(end.errors)")
            FileHandle.standardError.write(Data((end.output.split(separator: "\n").last ?? "").utf8 + [10]))
            #expect(end.output.contains("lost 0 of"))
            try await running.killed()
        }
    }

    @Test("are refused with 503 and the server's name while it is away, and go on by themselves")
    func outage() async throws {
        let server = try await NatsServer.start()
        try await with([("natsURL", "nats://someone:s3cret@127.0.0.1:\(server.port)"), ("createStream", "true")]) { octavo in
            try await published(octavo)
            try await server.killed()
            let refused = try await eventually("an error of the lost server") {
                let answer = try await publish(octavo)
                return answer.status == 204 ? nil : answer
            }
            #expect(refused.status == 503 || refused.status == 500, "\(refused)")
            #expect(refused.body.contains("127.0.0.1:\(server.port)") && refused.body.contains("bus"), "\(refused.body)")
            #expect(!refused.body.contains("s3cret"))
            let next = try await server.again()
            try await eventually("publishing goes on", within: .seconds(30)) { try await publish(octavo).status == 204 ? () : nil }
            try await next.killed()
        }
    }

    @Test("without a stream are refused with what to do, unless one is to be made")
    func missingStream() async throws {
        let server = try await NatsServer.start()
        try await with([("natsURL", "nats://127.0.0.1:\(server.port)")]) { octavo in
            let answer = try await publish(octavo)
            #expect(answer.status >= 400 && answer.body.contains("createStream") && answer.body.contains("orders"), "\(answer)")
        }
        // The component may only add topics to a stream that it names.
        let named = [("natsURL", "nats://127.0.0.1:\(server.port)"), ("createStream", "true"), ("streamName", "SHOP")]
        try await with(named) { octavo in
            for topic in ["orders", "bills", "orders"] { try await published(octavo, topic) }
            let forbidden = try await publish(octavo, "$JS.API.STREAM.DELETE.SHOP")
            #expect(forbidden.status >= 400 && forbidden.body.contains("can't be a subject"), "\(forbidden)")
        }
        // The stream is there now, as Dapr's users have it.
        try await with([("natsURL", "nats://127.0.0.1:\(server.port)")]) { octavo in
            try await published(octavo, "bills")
        }
        try await server.killed()
    }

    @Test("need the right user, password or token; what is wrong is said", arguments: [
        ("authorization { user: me, password: \"s3cret\" }", [("username", "me"), ("password", "s3cret")], [("username", "me"), ("password", "wr0ng")]),
        ("authorization { token: \"t0ken\" }", [("token", "t0ken")], [("token", "wr0ng")]),
        (
            "authorization { users: [ { nkey: UAWPYAYVOJW6H25BDSM5RJUX4YRJQDMJS26YPFV3W2JAZITQCYKDJMAM } ] }",
            [("nkey", "UAWPYAYVOJW6H25BDSM5RJUX4YRJQDMJS26YPFV3W2JAZITQCYKDJMAM"), ("seedKey", "SUACXOVAY26H56ITYDAKZ6DMHGC2ZU45B7JLSRGE755RD5VBTUO4ZIK54A")],
            [("nkey", "UAWPYAYVOJW6H25BDSM5RJUX4YRJQDMJS26YPFV3W2JAZITQCYKDJMAM"), ("seedKey", "SUAJSA4DOW52VP2GHYEAV5CGXJMB2PYQZFUDS2P2HW23CLXRTPL2BB56CE")]
        ),
    ])
    func users(configuration: String, right: [(String, String)], wrong: [(String, String)]) async throws {
        let server = try await NatsServer.start(configuration: configuration)
        let url = [("natsURL", "nats://127.0.0.1:\(server.port)"), ("createStream", "true")]
        try await with(url + right) { octavo in try await published(octavo) }
        try await with(url + wrong, untilReady: false) { octavo in
            try await reason(octavo, contains: "refuses")
            let answer = try await publish(octavo)
            #expect(answer.status >= 400 && !answer.body.contains("wr0ng"), "\(answer)")
        }
        try await server.killed()
    }

    @Test("need credentials of a known account, as a file or as a token and its seed; what is wrong is said",
          .enabled(if: Places.hasSDK, "tools/setup test installs it"))
    func accounts() async throws {
        let folder = try Scratch()
        let made = try await Subprocess.run(Places.python, [Places.script("nats_accounts"), folder.file("")])
        try #require(made.code == 0, "\(made.errors)")
        func text(_ name: String) throws -> String { try String(contentsOfFile: folder.file(name), encoding: .utf8) }
        func file(_ user: String) -> [(String, String)] { [("credentials", folder.file(user + ".creds"))] }
        func token(_ user: String, seedOf other: String) throws -> [(String, String)] {
            [("jwt", try text(user + ".jwt")), ("seedKey", try text(other + ".seed"))]
        }
        let server = try await NatsServer.start(configuration: try text("server.conf"))
        let url = [("natsURL", "nats://127.0.0.1:\(server.port)"), ("createStream", "true")]
        for right in [file("good"), try token("good", seedOf: "good")] {
            try await with(url + right) { octavo in try await published(octavo) }
        }
        let wrong = [
            (file("expired"), "refuses"), (file("stranger"), "refuses"), (file("forged"), "refuses"), (file("missing"), "missing.creds"),
            (try token("good", seedOf: "stranger"), "refuses"), ([("jwt", try text("good.jwt")), ("seedKey", "n0seed")], "seedKey"),
            ([], "refuses"),
        ]
        for (settings, word) in wrong {
            try await with(url + settings, untilReady: false) { octavo in
                try await reason(octavo, contains: word)
                let answer = try await publish(octavo)
                #expect(answer.status >= 400, "\(settings.map(\.0)): \(answer)")
                for (name, value) in settings where name == "seedKey" || name == "jwt" { #expect(!answer.body.contains(value)) }
            }
        }
        try await server.killed()
    }

    @Test("go over TLS, with certificates of both sides; what is wrong is said")
    func tls() async throws {
        let certificates = try await Certificates()
        let server = try await NatsServer.start(
            configuration: """
                tls { cert_file: "\(certificates.server)", key_file: "\(certificates.serverKey)", ca_file: "\(certificates.authority)", verify: true }
                """)
        let url = [("natsURL", "tls://localhost:\(server.port)"), ("createStream", "true")]
        let client = [("tls_client_cert", certificates.client), ("tls_client_key", certificates.clientKey)]
        try await with(url + client + [("tls_ca_cert", certificates.authority)]) { octavo in
            try await published(octavo)
        }
        try await with(url + client + [("tls_ca_cert", certificates.stranger)], untilReady: false) { octavo in
            try await reason(octavo, contains: "tls_ca_cert")
        }
        try await with(url + [("tls_ca_cert", certificates.authority)], untilReady: false) { octavo in
            try await reason(octavo, contains: "NATS server tls://localhost:\(server.port)")
        }
        try await server.killed()
    }

    /// What the runtime says of the component that is not ready.
    private func reason(_ octavo: OctavoProcess, contains text: String) async throws {
        var last = ""
        try await eventually("\(text) in what is said: \(last)", within: .seconds(30)) {
            last = try await octavo.octavo("component", "describe", "bus", "--json").output
            return last.contains(text) ? () : nil
        }
    }
}
