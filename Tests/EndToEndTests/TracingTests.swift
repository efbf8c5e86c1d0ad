import Foundation
import JSONText
import Testing

@Suite("Requests are traced", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the collector's messages"))
struct TracingTests {
    private static let ways = ["grpc", "http", "zipkin"]

    private func configuration(_ scratch: Scratch, _ tracing: String, more: String = "") throws -> [String] {
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata:
              name: traced
            spec:
              tracing:
            \(tracing)
              nameResolution:
                component: sqlite
                configuration:
                  connectionString: \(scratch.file("names.db"))
                  updateInterval: 1s
            \(more)
            """, to: "config.yaml")
        return ["--config", scratch.file("config.yaml")]
    }

    /// A trace of the test's own, and its `traceparent`.
    private func trace(_ number: Int, sampled: Bool = true) -> (id: String, parent: String) {
        let id = String(format: "%032x", 0xabc0_0000 + number)
        return (id, "00-\(id)-b7ad6b7169203331-\(sampled ? "01" : "00")")
    }

    @Test("from an app over both runtimes to the other app, by every wire", arguments: ways)
    func invocation(way: String) async throws {
        let scratch = try Scratch(), collector = try await Collector.start()
        let flags = try configuration(scratch, collector.settings(way))
        let app = try await SubscriberApp.start(script: "invoked_app", ["http", "0"])
        let callee = try await OctavoProcess.start(flags: ["--app-id", "callee", "--app-port", "\(app.port)"] + flags)
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + flags) { caller in
            try await eventually("the name is known") {
                try await Curl(path: "/v1.0/invoke/callee/method/a").send(to: caller.base).status == 200 ? () : nil
            }
            let (id, parent) = trace(1)
            let answer = try await Curl(
                method: "POST", path: "/v1.0/invoke/callee/method/orders/7?q=secret-of-the-query",
                headers: ["traceparent: \(parent)", "tracestate: a=1, b=2"], body: "payload-of-mine"
            ).send(to: caller.base)
            #expect(answer.status == 200)
            let spans = try await collector.trace(id, count: 2)
            #expect(spans.count == 2)
            let client = try #require(spans.first { $0.service == "caller" }), server = try #require(spans.first { $0.service == "callee" })
            #expect(client.name == "CallLocal/callee/orders/7" && server.name == client.name)
            #expect(client.text("kind") == "client" && server.text("kind") == "server")
            #expect(client.parent == "b7ad6b7169203331" && server.parent == client.id)
            // The app is in the trace, too.
            let fields = answer.json?["fields"]
            #expect(fields?["traceparent"]?.string == "00-\(id)-\(server.id)-01" && fields?["tracestate"]?.string == "a=1,b=2")
            #expect(answer.headers["traceparent"] == "00-\(id)-\(client.id)-01")
            #expect(client.attribute("dapr.protocol") == "http" && client.attribute("dapr.invoke_method") == "orders/7")
            #expect(client.attribute("net.peer.name") == "callee" && client.attribute("dapr.status_code") == "200")
            if way != "zipkin" {
                #expect(client.text("state") == "a=1,b=2")
                #expect(client.json["fields"]?["x-collector-key"]?.string == "key-of-the-collector")
            }
            #expect(!collector.process.output.contains("of-mine") && !collector.process.output.contains("of-the-query"))
            // What the caller says is malformed begins anew, and goes nowhere.
            let anew = try await Curl(
                path: "/v1.0/invoke/callee/method/x", headers: ["traceparent: 00-zz-1-01", "tracestate: a=1"]
            ).send(to: caller.base)
            let given = anew.json?["fields"]?["traceparent"]?.string ?? ""
            #expect(given.utf8.count == 55 && anew.json?["fields"]?["tracestate"] == nil, "\(given)")
            #expect(try await collector.trace(String(given.dropFirst(3).prefix(32)), count: 2).count == 2)
        }
        try await callee.stop()
    }

    @Test("gRPC calls from app to app, with the binary form")
    func proxied() async throws {
        let scratch = try Scratch(), collector = try await Collector.start()
        let flags = try configuration(scratch, collector.settings("grpc"))
        let app = try await SubscriberApp.start(script: "invoked_app", ["grpc", "0"])
        let callee = try await OctavoProcess.start(flags: ["--app-id", "callee", "--app-port", "\(app.port)", "--app-protocol", "grpc"] + flags)
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + flags) { caller in
            let answer = try await eventually("the name is known") {
                let end = try await Subprocess.run(
                    Places.python, [Places.script("traced_call"), "\(caller.grpc)"], within: .seconds(60))
                return end.code == 0 ? try JSONValue(parsing: end.output) : nil
            }
            // OnInvoke by InvokeService, and a method of the app's own by proxy.
            for (call, name) in [("invoked", "CallLocal/callee/hello"), ("proxied", "/test.Echo/Unary")] {
                let told = try #require(answer[call])
                let id = told["trace"]?.string ?? ""
                // The resolver's call may be one of the spans, too.
                let (client, server) = try await eventually("both spans of \(id)", within: .seconds(40)) { () -> (Collector.Span, Collector.Span)? in
                    let spans = collector.spans.filter { $0.trace == id }
                    guard let client = spans.first(where: { $0.service == "caller" && $0.name == name }),
                        let server = spans.first(where: { $0.service == "callee" && $0.text("kind") == "server" })
                    else { return nil }
                    return (client, server)
                }
                #expect(client.parent == "00f067aa0ba902b7" && server.parent == client.id)
                #expect(client.attribute("dapr.protocol") == "grpc")
            }
            let seen = answer["invoked"]?["traceparent"]?.string ?? ""
            #expect(seen.contains(answer["invoked"]?["trace"]?.string ?? "-"))
        }
        try await callee.stop()
    }

    @Test("a publication, its delivery, and what the app's store does", arguments: ways)
    func delivery(way: String) async throws {
        let scratch = try Scratch(), collector = try await Collector.start()
        try scratch.write(Resource.component("bus", "pubsub.in-memory"), to: "resources/bus.yaml")
        try scratch.write(Resource.component("statestore", "state.in-memory"), to: "resources/state.yaml")
        let app = try await SubscriberApp.start("http")
        let flags = try configuration(scratch, collector.settings(way)) + ["--resources-path", scratch.file("resources")]
        try await OctavoProcess.with(in: scratch, flags: ["--app-port", "\(app.port)"] + flags) { octavo in
            let (id, parent) = trace(2)
            let answer = try await Curl(
                method: "POST", path: "/v1.0/publish/bus/plain", headers: ["traceparent: \(parent)", "content-type: application/json"],
                body: "\"payload-of-mine\""
            ).send(to: octavo.base)
            #expect(answer.status == 204)
            let spans = try await collector.trace(id, count: 4)
            #expect(
                spans.map(\.name).sorted() == ["/v1.0/publish/bus/plain", "pubsub.in-memory/publish", "pubsub.in-memory/settle", "pubsub/plain"])
            let publish = try #require(spans.first { $0.name == "/v1.0/publish/bus/plain" })
            #expect(publish.parent == "b7ad6b7169203331" && publish.attribute("messaging.system") == "pubsub")
            #expect(publish.attribute("messaging.destination.name") == "plain")
            let delivery = try #require(spans.first { $0.name == "pubsub/plain" })
            #expect(delivery.parent == publish.id && delivery.attribute("messaging.destination.name") == "plain")
            for one in spans where one.name.hasPrefix("pubsub.") {
                #expect(one.parent == (one.name.hasSuffix("settle") ? delivery.id : publish.id))
            }

            let (other, otherParent) = trace(3)
            _ = try await Curl(
                method: "POST", path: "/v1.0/state/statestore", headers: ["traceparent: \(otherParent)"], body: #"[{"key": "k", "value": "of-mine"}]"#
            ).send(to: octavo.base)
            let state = try await collector.trace(other, count: 2)
            let call = try #require(state.first { $0.name == "state.in-memory/set" }), request = try #require(state.first { $0.name == "/v1.0/state/statestore" })
            #expect(call.parent == request.id && call.attribute("dapr.component") == "statestore")
            #expect(request.attribute("db.system") == "state" && request.attribute("db.name") == "statestore")
            #expect(!collector.process.output.contains("of-mine"))
            // What the parent does not want recorded is not, and questions for health never are.
            let (quiet, quietParent) = trace(4, sampled: false)
            _ = try await Curl(path: "/v1.0/state/statestore/k", headers: ["traceparent: \(quietParent)"]).send(to: octavo.base)
            let (health, healthParent) = trace(5)
            _ = try await Curl(path: "/v1.0/healthz", headers: ["traceparent: \(healthParent)"]).send(to: octavo.base)
            let (last, lastParent) = trace(6)
            let failed = try await Curl(path: "/v1.0/state/nope/k", headers: ["traceparent: \(lastParent)"]).send(to: octavo.base)
            #expect(failed.status == 400)
            #expect(try await collector.trace(last, count: 1).first?.json["failed"]?.bool == true)
            #expect(!collector.spans.contains { $0.trace == quiet || $0.trace == health })
        }
    }

    @Test("deliveries over a stream, events of a binding, and what an output binding is told")
    func streamsAndBindings() async throws {
        let scratch = try Scratch(), collector = try await Collector.start()
        try scratch.write(Resource.component("bus", "pubsub.in-memory"), to: "resources/bus.yaml")
        try scratch.write(Resource.component("tick", "bindings.cron", [("schedule", "@every 1s"), ("direction", "input")]), to: "resources/tick.yaml")
        let app = try await SubscriberApp.start(script: "invoked_app", ["http", "0"])
        try scratch.write(Resource.component("web", "bindings.http", [("url", "http://127.0.0.1:\(app.port)")]), to: "resources/web.yaml")
        let flags = try configuration(scratch, collector.settings("grpc")) + ["--resources-path", scratch.file("resources")]
        try await OctavoProcess.with(in: scratch, flags: ["--app-port", "\(app.port)"] + flags) { octavo in
            let (id, parent) = trace(11)
            let answer = try await Curl(
                method: "POST", path: "/v1.0/bindings/web", headers: ["traceparent: \(parent)"], body: #"{"operation": "get", "metadata": {"path": "/seen"}}"#
            ).send(to: octavo.base)
            let spans = try await collector.trace(id, count: 2)
            let request = try #require(spans.first { $0.name == "/v1.0/bindings/web" })
            #expect(request.attribute("db.system") == "bindings" && spans.contains { $0.name == "bindings.http/invoke" && $0.parent == request.id })
            // The server behind the binding is in the trace.
            #expect(answer.body.contains("00-\(id)-\(request.id)-01"), "\(answer)")
            let tick = try await eventually("an event of the binding", within: .seconds(30)) { collector.spans.first { $0.name == "bindings/tick" } }
            #expect(tick.parent.isEmpty && tick.attribute("db.name") == "tick")

            let (published, publishedParent) = trace(12)
            let stream = try Subprocess(Places.python, [Places.script("traced_stream"), "\(octavo.grpc)", publishedParent])
            let end = try await stream.ended(within: .seconds(60))
            #expect(end.code == 0, "\(end.errors)")
            let delivery = try await eventually("the delivery over the stream", within: .seconds(40)) {
                collector.spans.first { $0.trace == published && $0.name == "pubsub/streamed" }
            }
            let publication = try #require(collector.spans.first { $0.trace == published && $0.name.hasSuffix("/PublishEvent") })
            #expect(delivery.parent == publication.id && publication.parent == "b7ad6b7169203331")
        }
    }

    @Test("at the rate that is asked for, and what waits is sent at the end")
    func rateAndEnd() async throws {
        let scratch = try Scratch(), collector = try await Collector.start(busy: 2)
        let flags = try configuration(scratch, collector.settings("grpc", rate: "0.5"))
        let octavo = try await OctavoProcess.start(in: scratch, flags: flags)
        for index in 0..<100 { _ = try await Curl(path: "/v1.0/state/statestore/k\(index)").send(to: octavo.base) }
        try await octavo.stop()
        let count = collector.spans.count { $0.name.hasPrefix("/v1.0/state") }
        // Of 100 at one half; a busy collector is asked again.
        #expect(count > 20 && count < 80, "\(count)")
    }

    @Test("not by a rate of 0, and a collector that is gone costs nothing but spans, which are counted")
    func unreachable() async throws {
        let scratch = try Scratch(), collector = try await Collector.start()
        var flags = try configuration(scratch, collector.settings("http", rate: "0"))
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            let (_, parent) = trace(7)
            let answer = try await Curl(path: "/v1.0/state/statestore/k", headers: ["traceparent: \(parent)"]).send(to: octavo.base)
            #expect(answer.status == 204)
        }
        #expect(collector.spans.isEmpty)
        collector.process.kill(SIGKILL)
        flags = try configuration(scratch, collector.settings("http"))
        let started = ContinuousClock.now
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            for _ in 0..<4 { _ = try await Curl(path: "/v1.0/state/statestore/k").send(to: octavo.base) }
            let log = try await eventually("spans are given up", within: .seconds(60)) {
                octavo.process.errors.contains("spans were lost") ? octavo.process.errors : nil
            }
            #expect(!log.contains("key-of-the-collector"))
            let page = try await Curl(path: "/metrics").send(to: "http://127.0.0.1:\(octavo.metrics)").body
            #expect(page.contains(#"octavo_spans_dropped_total{destination="otlp",reason="unreachable"}"#))
        }
        #expect(ContinuousClock.now - started < .seconds(90))
    }

    @Test("by OpenTelemetry's variables, and into standard output")
    func variables() async throws {
        let collector = try await Collector.start()
        let octavo = try await OctavoProcess.start(environment: [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(collector.grpc)", "OTEL_EXPORTER_OTLP_HEADERS": "a=1,b=2",
        ])
        let (id, parent) = trace(8)
        _ = try await Curl(path: "/v1.0/state/statestore/k", headers: ["traceparent: \(parent)"]).send(to: octavo.base)
        let fields = try await collector.trace(id, count: 2).first?.json["fields"]
        #expect(fields?["a"]?.string == "1" && fields?["b"]?.string == "2")
        try await octavo.stop()

        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: try configuration(scratch, "    samplingRate: \"1\"\n    stdout: true")) { octavo in
            _ = try await Curl(path: "/v1.0/state/statestore/k", headers: ["traceparent: \(parent)"]).send(to: octavo.base)
            let line = try await eventually("a span is written") {
                octavo.process.output.split(separator: "\n").first { $0.contains(id) && $0.contains("/v1.0/state/statestore/k") }
            }
            let written = try JSONValue(parsing: String(line))
            #expect(written["parentId"]?.string == "b7ad6b7169203331")
        }
    }
}
