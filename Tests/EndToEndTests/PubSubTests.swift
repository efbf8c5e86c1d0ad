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
