import BuildingBlocks
import Foundation
import JSONText
import NIOConcurrencyHelpers
import Testing

@testable import AppChannel

@Suite("The app channel", .serialized, .enabled(if: TestApp.hasPython, "tools/setup test installs it"))
struct AppCallTests {
    private static let subscribe = #"""
        [{"pubsubname": "pubsub", "topic": "orders", "route": "/old", "routes": {"default": "/orders",
          "rules": [{"match": "event.type == 'a'", "path": "/a"}]}, "metadata": {"rawPayload": "true"},
          "deadLetterTopic": "dead", "bulkSubscribe": {"enabled": true, "maxMessagesCount": 7}},
         {"pubsubname": "pubsub", "topic": "plain", "route": "plain"},
         {"pubsubname": "pubsub", "topic": "nowhere"}]
        """#

    private static func event(_ path: String = "/orders") -> AppTopicEvent {
        var event = AppTopicEvent(
            pubsubName: "pubsub", topic: "orders", path: path, envelope: Array(#"{"id":"1","data":{"n":7}}"#.utf8))
        event.id = "1"
        event.source = "shop"
        event.type = "com.dapr.event.sent"
        event.specVersion = "1.0"
        event.dataContentType = "application/json"
        event.data = Array(#"{"n":7}"#.utf8)
        event.extensions = [("traceid", .string("t")), ("n", .number("1.5")), ("list", .array([.bool(true), .null]))]
        event.metadata = [("x-broker", "b")]
        event.trace = AppTrace(parent: "\(Self.trace)-b7ad6b7169203331-01", state: "k=v")
        return event
    }

    private static let trace = "00-0af7651916cd43dd8448eb211c80319c"

    /// The app is given the trace of the message, with the delivery as its parent.
    private static func expectChild(_ parent: String?) {
        #expect(parent?.hasPrefix(trace) == true && parent?.hasSuffix("-01") == true && parent?.contains("b7ad6b7169203331") == false, "\(parent ?? "")")
    }

    // MARK: HTTP

    @Test("an HTTP app that starts late is found, asked, and asked again after each restart")
    func lateAndRestarted() async throws {
        let app = try TestApp("http_app")
        try app.set("subscribe", Self.subscribe)
        try app.set("config", #"{"entities": ["Cart"]}"#)
        try await TestChannel.run(app, .http) { (test) async throws in
            try await test.eventually(told: "waiting")
            let reason = "127.0.0.1:\(app.port) does not accept connections: Connection refused"
            let isTold = try await holdsEventually { test.channel.condition == .waiting(reason: reason) }
            #expect(isTold, "\(test.channel.condition)")
            #expect(test.channel.discovery == nil)
            try app.start()
            try await test.eventually(told: "discovery 1")
            #expect(test.channel.condition == .up)

            var orders = AppSubscription(pubsubName: "pubsub", topic: "orders")
            orders.metadata = ["rawPayload": "true"]
            orders.rules = [.init(match: "event.type == 'a'", path: "/a")]
            orders.defaultPath = "/orders"
            orders.deadLetterTopic = "dead"
            orders.bulk = .init(maxMessages: 7, maxAwaitMilliseconds: 1000)
            var plain = AppSubscription(pubsubName: "pubsub", topic: "plain")
            plain.defaultPath = "plain"
            #expect(test.channel.discovery?.subscriptions == [orders, plain])
            #expect(test.channel.discovery?.configuration?["entities"]?.array?.first?.string == "Cart")
            _ = try await app.asked("GET", "/dapr/subscribe")
            #expect(app.asked.map(\.path) == ["/dapr/config", "/dapr/subscribe"])
            #expect(app.asked.allSatisfy { $0.headers["dapr-app-id"] == "shop" && $0.headers["dapr-api-token"] == nil })

            for round in 2...3 {
                app.kill()
                try await test.eventually(told: "down", times: round - 1)
                try app.start()
                try await test.eventually(told: "discovery \(round)")
            }
            try await test.eventually(told: "up", times: 3)
        }
    }

    @Test("messages go to their route with headers, token and trace, and the verdict is the app's")
    func topics() async throws {
        let app = try TestApp("http_app")
        try app.start()
        try await TestChannel.run(app, .http, { $0.token = "secret" }) { (test) async throws in
            try await test.eventually(told: "discovery 1")
            #expect(await test.deliver(Self.event()) == .success(.success))
            let asked = try await app.asked("POST", "/orders")
            #expect(asked.body == #"{"id":"1","data":{"n":7}}"#)
            let expected = [
                "content-type": "application/cloudevents+json", "pubsubname": "pubsub", "dapr-api-token": "secret",
                "tracestate": "k=v", "x-broker": "b",
            ]
            Self.expectChild(asked.headers["traceparent"])
            for (name, value) in expected { #expect(asked.headers[name] == value, "\(name)") }
            #expect(try await app.asked("GET", "/dapr/subscribe").headers["dapr-api-token"] == "secret")

            let verdicts: [(String, AppVerdict)] = [
                (#"200 {"status": "SUCCESS"}"#, .success), (#"200 {"status": ""}"#, .success), ("200 no json", .success),
                ("204", .success), (#"200 {"status": "RETRY"}"#, .retry), (#"201 {"status": "DROP"}"#, .drop),
                (#"200 {"status": "WHATEVER"}"#, .retry), ("404", .drop),
            ]
            for (answer, verdict) in verdicts {
                try app.set("answer", answer)
                #expect(await test.deliver(Self.event(), loop: 1) == .success(verdict), "\(answer)")
            }
            for status in [400, 403, 500, 503] {
                try app.set("answer", "\(status)")
                #expect(await test.deliver(Self.event("orders")).failure?.kind == .status(status))
            }
        }
    }

    @Test("batches have a verdict for each entry")
    func batch() async throws {
        let app = try TestApp("http_app")
        try app.start()
        try await TestChannel.run(app, .http) { (test) async throws in
            try await test.eventually(told: "up")
            let entries = (0..<4).map { AppTopicBatch.Entry(entryID: "e\($0)", event: Self.event(), isRaw: $0 == 3) }
            let batch = AppTopicBatch(id: "b", pubsubName: "pubsub", topic: "orders", path: "/bulk", entries: entries)
            try app.set(
                "answer", #"200 {"statuses": [{"entryId": "e0", "status": "SUCCESS"}, {"entryId": "e2", "status": "DROP"}, "#
                    + #"{"entryId": "e1", "status": ""}, {"entryId": "zz", "status": "DROP"}]}"#)
            let verdicts = await test.deliver(batch)
            #expect(verdicts == .success([.success, .retry, .drop, .retry]), "\(verdicts) \(app.asked)")
            let body = try await app.asked("POST", "/bulk").json
            #expect(body?["type"]?.string == "com.dapr.event.sent.bulk" && body?["pubsubname"]?.string == "pubsub")
            #expect(body?["entries"]?.array?[0]["event"]?["data"]?["n"]?.integer == 7)
            #expect(body?["entries"]?.array?[3]["event"]?.string == "eyJuIjo3fQ==")
            try app.set("answer", "404")
            #expect(await test.deliver(batch) == .success([.drop, .drop, .drop, .drop]))
            try app.set("answer", "500")
            #expect(await test.deliver(batch).failure?.kind == .status(500))
        }
    }

    @Test("bindings are asked for and delivered")
    func bindings() async throws {
        let app = try TestApp("http_app")
        try app.start()
        try await TestChannel.run(app, .http) { (test) async throws in
            try await test.eventually(told: "up")
            #expect(await test.wantsBinding("wanted") == .success(true))
            #expect(await test.wantsBinding("post-only") == .success(true))
            #expect(await test.wantsBinding("other") == .success(false))
            let event = AppBindingEvent(name: "wanted", route: "wanted", data: [0x31], metadata: [("k", "v")])
            try app.set("answer", "200 plain")
            #expect(await test.deliver(event) == .success(AppBindingReply(data: Array("plain".utf8))))
            let asked = try await app.asked("POST", "/wanted")
            #expect(asked.headers["k"] == "v" && asked.body == "1")
            try app.set("answer", #"200 {"data": {"a": 1}, "to": ["x", "y"], "concurrency": "parallel"}"#)
            #expect(
                await test.deliver(event)
                    == .success(
                        AppBindingReply(
                            data: Array(#"{"data": {"a": 1}, "to": ["x", "y"], "concurrency": "parallel"}"#.utf8),
                            forwarded: Array(#"{"a":1}"#.utf8), to: ["x", "y"], isParallel: true)))
            let saving = #"{"storeName": "s", "state": [{"key": "k", "value": {"n": 1.50}, "options": {"consistency": "strong"}}]}"#
            try app.set("answer", "200 " + saving)
            let saved = try await test.deliver(event).get()
            #expect(saved.storeName == "s" && saved.to == [] && saved.data == Array(saving.utf8))
            #expect(saved.states == [StateWrite(key: "k", value: Array(#"{"n":1.50}"#.utf8), consistency: 2)])
            try app.set("answer", "201")
            #expect(await test.deliver(event).failure?.kind == .status(201))
        }
    }

    @Test("at most so many deliveries are with the app at a time, over all loops, and none is lost")
    func concurrency() async throws {
        let app = try TestApp("http_app")
        try app.start()
        try await TestChannel.run(app, .http, { $0.maxConcurrency = 3 }) { (test) async throws in
            try await test.eventually(told: "up")
            let delivered = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<60 {
                    group.addTask { await test.deliver(Self.event("/slow"), loop: index % 2) == .success(.success) }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(delivered == 60)
            #expect(test.channel.waitingDeliveries == 0)
            #expect(try String(contentsOfFile: app.folder + "/peak", encoding: .utf8) == "3")
        }
    }

    @Test("more than may wait is refused, and says so")
    func full() async throws {
        let app = try TestApp("http_app")
        try app.start()
        try await TestChannel.run(app, .http) {
            $0.maxConcurrency = 1
            $0.maxWaiting = 2
        } _: { (test) async throws in
            try await test.eventually(told: "up")
            let kinds = await withTaskGroup(of: AppFailure.Kind?.self) { group in
                for _ in 0..<20 { group.addTask { await test.deliver(Self.event("/slow")).failure?.kind } }
                return await group.reduce(into: [AppFailure.Kind?]()) { $0.append($1) }
            }
            #expect(kinds.contains(.overloaded) && kinds.contains(nil))
        }
    }

    @Test("probes pause deliveries and let them go on; the app is asked again", arguments: ["http_app", "grpc_app"])
    func probes(script: String) async throws {
        let app = try TestApp(script)
        try app.set("health", "503")
        try app.start()
        try await TestChannel.run(app, script == "grpc_app" ? .grpc : .http) {
            var probes = AppChannelOptions.Probes()
            probes.interval = .milliseconds(30)
            probes.timeout = .milliseconds(500)
            probes.threshold = 2
            $0.probes = probes
        } _: { (test) async throws in
            let isProbed = try await holdsEventually { test.channel.condition.reason?.contains("health check failed") == true }
            #expect(isProbed, "\(test.channel.condition)")
            #expect(test.channel.discovery == nil)
            try app.set("health", "200")
            try await test.eventually(told: "discovery 1")
            try app.set("health", "500")
            try await test.eventually(told: "down")
            try app.set("health", "200")
            try await test.eventually(told: "discovery 2")
            // An app that hangs: its port accepts, its probes do not come back.
            app.stop(SIGSTOP)
            try await test.eventually(told: "down", times: 2)
            app.stop(SIGCONT)
            try await test.eventually(told: "discovery 3")
        }
    }

    @Test("over a Unix socket")
    func unix() async throws {
        let app = try TestApp("http_app", isUnix: true)
        try await TestChannel.run(app, .http) { (test) async throws in
            try await test.eventually(told: "waiting")
            try app.start()
            try await test.eventually(told: "discovery 1")
            #expect(await test.deliver(Self.event()) == .success(.success))
        }
    }

    @Test("answers of the app about itself that make no sense count as none", arguments: ["{}", "no json", "[1, {}]"])
    func nonsense(answer: String) async throws {
        let app = try TestApp("http_app")
        try app.set("subscribe", answer)
        try app.start()
        try await TestChannel.run(app, .http) { (test) async throws in
            try await test.eventually(told: "discovery 1")
            #expect(test.channel.discovery?.subscriptions == [])
        }
    }

    // MARK: gRPC

    @Test("a gRPC app is found, asked, delivered to, and asked again after a restart", arguments: [
        AppChannelOptions.Wire.grpc, .grpcs,
    ])
    func grpc(wire: AppChannelOptions.Wire) async throws {
        let app = try TestApp("grpc_app", isSecure: wire == .grpcs)
        try app.set(
            "subscribe",
            #"{"subscriptions": [{"pubsub_name": "pubsub", "topic": "orders", "routes": {"rules": [{"match": "m", "#
                + #""path": "p"}], "default": "d"}}, {"pubsub_name": "pubsub", "topic": "bare"}]}"#)
        try await TestChannel.run(app, wire, { $0.token = "secret" }) { (test) async throws in
            try await test.eventually(told: "waiting")
            try app.start()
            try await test.eventually(told: "discovery 1")
            #expect(test.channel.discovery?.subscriptions.map(\.topic) == ["orders", "bare"])
            #expect(test.channel.discovery?.subscriptions.map(\.defaultPath) == ["d", ""])
            #expect(test.channel.discovery?.inputBindings == ["wanted"])
            #expect(await test.wantsBinding("wanted") == .success(true))
            #expect(await test.wantsBinding("other") == .success(false))

            #expect(await test.deliver(Self.event(), loop: 1) == .success(.success))
            let asked = try await app.asked("OnTopicEvent")
            Self.expectChild(asked.headers["traceparent"])
            for (name, value) in ["dapr-api-token": "secret", "tracestate": "k=v", "x-broker": "b"] {
                #expect(asked.headers[name] == value)
            }
            #expect(asked.json?["data"]?.string == "eyJuIjo3fQ==" && asked.json?["pubsub_name"]?.string == "pubsub")
            #expect(asked.json?["extensions"]?["traceid"]?.string == "t")

            let verdicts: [(String, AppVerdict)] = [
                ("RETRY", .retry), ("DROP", .drop), ("EMPTY", .success), ("!UNIMPLEMENTED", .discard),
            ]
            for (answer, verdict) in verdicts {
                try app.set("answer", answer)
                #expect(await test.deliver(Self.event()) == .success(verdict), "\(answer)")
            }
            try app.set("answer", "!INTERNAL")
            #expect(await test.deliver(Self.event()).failure?.kind == .code(13))

            let batch = AppTopicBatch(
                id: "b", pubsubName: "pubsub", topic: "orders", path: "/bulk",
                entries: (0..<2).map { AppTopicBatch.Entry(entryID: "e\($0)", event: Self.event()) })
            for _ in 0..<2 { #expect(await test.deliver(batch) == .success([.drop, .retry])) }
            let binding = AppBindingEvent(name: "wanted", route: "wanted", data: [1])
            #expect(
                await test.deliver(binding)
                    == .success(AppBindingReply(data: Array("answer".utf8), forwarded: Array("answer".utf8), to: ["a", "b"], isParallel: true)))

            app.kill()
            try await test.eventually(told: "down")
            #expect(await test.deliver(Self.event()).failure?.kind == .unreachable)
            try app.start()
            try await test.eventually(told: "discovery 2")
            try app.set("answer", "SUCCESS")
            #expect(await test.deliver(Self.event()) == .success(.success))
        }
    }

    @Test("a gRPC app without callbacks has no subscriptions and no bindings")
    func noCallbacks() async throws {
        // Of HTTP/2 it speaks nothing that a callback could be.
        let app = try TestApp("http_app")
        try app.start()
        try await TestChannel.run(app, .grpc) { (test) async throws in
            try await test.eventually(told: "up")
            let failure = await test.deliver(Self.event()).failure
            #expect(failure?.description.contains("speak HTTP/2") == true, "\(String(describing: failure))")
        }
    }
}

extension Result {
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
