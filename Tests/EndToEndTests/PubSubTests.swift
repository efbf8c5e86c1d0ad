import Foundation
import JSONText
import Testing

@Suite("Messages", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct PubSubTests {
    private func with(
        _ components: [String], flags: [String] = [], _ body: (OctavoProcess) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        for (index, component) in components.enumerated() { try scratch.write(component, to: "resources/\(index).yaml") }
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags, body)
    }

    @Test("come to the Dapr SDK over streams as they were published", arguments: [[], ["--isolate", "all"]])
    func streams(flags: [String]) async throws {
        try await with([Resource.component("bus", "pubsub.in-memory")], flags: flags) { octavo in
            try await SDKTests.run("pubsub", ["bus"], octavo)
        }
    }

    @Test("of Redis streams are shared by an app's subscribers, and survive the death of the plugin's process", arguments: [false, true])
    func redis(isolated: Bool) async throws {
        let server = try await RedisServer.start()
        let component = Resource.component(
            "bus", "pubsub.redis",
            [("redisHost", "127.0.0.1:\(server.port)"), ("processingTimeout", "1s"), ("redeliverInterval", "500ms")])
        try await with([component], flags: isolated ? ["--isolate", "redis", "--crash-loop-limit", "0"] : []) { octavo in
            let kills = isolated ? ["redis", Places.octavo, octavo.adminSocket] : []
            try await SDKTests.run(
                "pubsub_shared", ["bus", "--pending=redis-cli -p \(server.port) XPENDING shared demo"] + kills, octavo)
            // As Dapr keeps them: an entry with `data`.
            let entry = try await Subprocess.run("redis-cli", ["-p", "\(server.port)", "XRANGE", "shared", "-", "+", "COUNT", "1"])
            #expect(entry.output.contains("data") && entry.output.contains("com.dapr.event.sent"), "\(entry.output)")
            let pending = try await eventually("no message is left unsettled") {
                let answer = try await Subprocess.run("redis-cli", ["-p", "\(server.port)", "XPENDING", "shared", "demo"])
                return answer.output.hasPrefix("0") ? answer.output : nil
            }
            #expect(pending.hasPrefix("0"))
        }
    }

    @Test("of an SQLite database are shared by an app's subscribers, and survive the death of the plugin's process", arguments: [false, true])
    func sqlite(isolated: Bool) async throws {
        let scratch = try Scratch()
        let component = Resource.component(
            "bus", "pubsub.sqlite", [("connectionString", scratch.file("messages.db")), ("leaseTime", "1s")])
        try await with([component], flags: isolated ? ["--isolate", "sqlite", "--crash-loop-limit", "0"] : []) { octavo in
            let kills = isolated ? ["sqlite", Places.octavo, octavo.adminSocket] : []
            try await SDKTests.run("pubsub_shared", ["bus"] + kills, octavo)
        }
    }

    @Test("of every broker keep to what a broker must do, in process and isolated", arguments: ["memory", "sqlite", "redis", "nats"])
    func conformance(plugin: String) async throws {
        let scratch = try Scratch()
        let server = plugin == "redis" ? try await RedisServer.start() : nil
        let nats = plugin == "nats" ? try await NatsServer.start() : nil
        let settings: [String] =
            switch plugin {
            case "sqlite": ["connectionString=\(scratch.file("messages.db"))", "leaseTime=1s"]
            case "redis": ["redisHost=127.0.0.1:\(server?.port ?? 0)"]
            case "nats": ["natsURL=nats://127.0.0.1:\(nats?.port ?? 0)", "createStream=true"]
            default: []
            }
        let checked = try await Subprocess.run(
            Places.octavo,
            ["plugin", "check", "\(Places.products)/liboctavo-plugin-\(plugin).so", "--kind", "pubsub"] + settings.flatMap { ["--set", $0] })
        #expect(checked.code == 0, "\(checked.output)\n\(checked.errors)")
        #expect(checked.output.contains("what a consumer has not settled goes to another of its group"))
        withExtendedLifetime((server, nats)) {}
    }

    @Test("over HTTP are refused as Dapr refuses them, with the cause", arguments: [
        ("publish/nobody/t", "x", 404, "ERR_PUBSUB_NOT_FOUND"), ("publish/bus", "x", 404, "ERR_TOPIC_NAME_EMPTY"),
        ("publish", "x", 404, "ERR_PUBSUB_EMPTY"), ("publish/bus/secret", "x", 403, "ERR_PUBSUB_FORBIDDEN"),
        ("publish/bus/t?metadata.rawPayload=so", "x", 400, "ERR_PUBSUB_REQUEST_METADATA"),
        ("publish/bus/t?metadata.ttlInSeconds=0", "x", 400, "ERR_PUBSUB_REQUEST_METADATA"),
        ("publish/bulk/bus/t", "{", 400, "ERR_PUBSUB_EVENTS_SER"), ("publish/bulk/bus/t", "{}", 400, "ERR_PUBSUB_EVENTS_SER"),
        ("publish/bulk/bus/t", #"[{"event":"x","contentType":"text/plain"}]"#, 400, "ERR_PUBSUB_EVENTS_SER"),
        ("publish/bulk/bus/t", #"[{"entryId":"1","event":"x"}]"#, 400, "ERR_PUBSUB_EVENTS_SER"),
        ("publish/bulk/bus/t", #"[{"entryId":"1","event":{},"contentType":"text/plain"}]"#, 400, "ERR_PUBSUB_EVENTS_SER"),
        ("publish/bulk/bus/t", #"[{"entryId":"1","event":"?","contentType":"application/octet-stream"}]"#, 400, "ERR_PUBSUB_EVENTS_SER"),
        ("publish/bulk/bus/t", #"[{"entryId":"1","event":"x","contentType":"text/plain"},{"entryId":"2","event":[1],"contentType":"application/json"}]"#, 204, ""),
        ("publish/bus/with/slashes", "x", 204, ""),
    ])
    func http(path: String, body: String, status: Int, code: String) async throws {
        try await with([Resource.component("bus", "pubsub.in-memory", [("protectedTopics", "secret")])]) { octavo in
            let answer = try await Curl(
                method: "POST", path: "/v1.0/\(path)", headers: ["content-type: text/plain"], body: body
            ).send(to: "http://127.0.0.1:\(octavo.http)")
            #expect(answer.status == status, "\(answer.body)")
            if !code.isEmpty { #expect(try JSONValue(parsing: answer.body)["errorCode"]?.string == code) }
        }
    }
}
