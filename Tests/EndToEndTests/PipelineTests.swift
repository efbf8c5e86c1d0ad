import Foundation
import JSONText
import Testing

@Suite("Requests go through pipelines")
struct PipelineTests {
    private let probe = Pipeline.component("probe", "filter")

    @Test("and a filter lets them pass, changes them, answers, or is broken, which lets nothing pass", arguments: StoresTests.modes)
    func filters(modes: [String]) async throws {
        let pipeline = try await Pipeline([probe], api: [("probe", "filter")], fixture: true)
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags + modes) { octavo in
            let value = "/v1.0/state/statestore/a"
            func ask(_ headers: String..., path: String = value, version: Curl.Version = .http1) async throws -> Curl.Answer {
                try await Curl(path: path, headers: headers).send(to: octavo.base, version, seconds: 30)
            }
            let stored = try await Curl(
                method: "POST", path: "/v1.0/state/statestore", body: #"[{"key":"a","value":"one"},{"key":"b","value":"two"}]"#
            ).send(to: octavo.base)
            #expect(stored.status == 204, "\(stored)")
            for version in Curl.Version.allCases {
                let plain = try await ask("x-do: pass", version: version)
                #expect(plain.status == 200 && plain.body == #""one""#, "\(plain)")
                let answer = try await ask("x-do: answer", version: version)
                #expect(answer.status == 418 && answer.body == "short" && answer.headers["x-from"] == "filter", "\(answer)")
                let back = try await ask("x-do-back: status", version: version)
                #expect(back.status == 299 && back.body == #""one""# && back.headers["x-back"] == "seen", "\(back)")
                let body = try await ask("x-do-back: body", version: version)
                #expect(body.status == 200 && body.body == "other" && body.headers["content-length"] == "5", "\(body)")
            }
            #expect(try await ask("x-do: path", "x-path: /v1.0/state/statestore/b").body == #""two""#)
            for wrong in ["x-do: fail", "x-do: nothing", "x-do: status", "x-do: action"] {
                let failed = try await ask(wrong)
                #expect(failed.status == 500 && failed.json?["errorCode"]?.string == "ERR_MIDDLEWARE", "\(wrong): \(failed)")
                #expect(failed.body.contains("probe (middleware.http.filter) of httpPipeline"), "\(failed)")
            }
            for path in ["v1.0/metadata", "/a b", "/a#b", "http://other/"] {
                #expect(try await ask("x-do: path", "x-path: \(path)").status == 500, "\(path)")
            }
            let lost = try await ask("x-do-back: fail")
            #expect(lost.status == 503 && !lost.body.contains("one"), "\(lost)")
            // Whatever a pipeline says.
            #expect(try await ask("x-do: fail", path: "/v1.0/healthz").status == 204)
            #expect(try await ask("x-do: fail", path: "/v1.0/./healthz").status == 500)
            let slow = try await ask("x-do: hang")
            #expect(slow.status == 503 && slow.json?["errorCode"]?.string == "ERR_MIDDLEWARE", "\(slow)")
        }
    }

    @Test("that are the app's, and see what the app gets", .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"), arguments: StoresTests.modes)
    func appPipeline(modes: [String]) async throws {
        let pipeline = try await Pipeline([probe], app: [("probe", "filter")], fixture: true), app = try await Names.app("http")
        let flags = pipeline.flags + modes + ["--app-port", "\(app.port)", "--app-protocol", "http"]
        try await OctavoProcess.with(in: pipeline.scratch, flags: flags, environment: ["APP_API_TOKEN": "app-secret"]) { octavo in
            func ask(_ path: String, _ headers: String..., body: String? = nil) async throws -> Curl.Answer {
                try await Curl(method: body == nil ? "GET" : "POST", path: "/v1.0/invoke/demo/method/" + path, headers: headers, body: body)
                    .send(to: octavo.base, seconds: 30)
            }
            let plain = try await ask("a", "x-mine: y", body: "hello")
            #expect(plain.status == 200 && plain.body.contains("hello"), "\(plain)")
            let marked = try await ask("a/../b?c=d", "x-do: mark", "x-secret: s", "dapr-caller-app-id: admin")
            let fields = try #require(marked.json?["fields"], "\(marked)")
            #expect(fields["x-peer"]?.string == "127.0.0.1" && fields["x-secret"] == nil, "\(marked)")
            #expect(fields["x-path-seen"]?.string == "/b?c=d" && fields["x-body-seen"]?.string == "no", "\(marked)")
            #expect(fields["dapr-caller-app-id"]?.string == "demo" && fields["dapr-api-token"]?.string == "app-secret", "\(marked)")
            let smuggled = try await ask("a", "x-do: smuggle", body: "hello")
            let seen = try #require(smuggled.json?["fields"], "\(smuggled)")
            #expect(seen["x-a"]?.string == "1  x-b: 2" && seen["x-b"] == nil && seen["x-d"] == nil && seen["transfer-encoding"] == nil, "\(smuggled)")
            #expect(try await ask("a", "x-do: answer").status == 418)
            #expect(try await ask("a", "x-do: fail").status == 500)
            #expect(try await ask("a", "x-do-back: fail").status == 503)
            // Bodies go through in both directions, however big.
            let big = String(repeating: "x", count: 9 << 20)
            #expect(try await ask("count", "x-do-back: pass", body: big).body == "\(9 << 20)")
            let stream = try await ask("stream/96", "x-do-back: status")
            #expect(stream.status == 299 && stream.body.utf8.count == 96 << 16)
            // Calls of the API do not go through it.
            #expect(try await Curl(path: "/v1.0/state/statestore/a", headers: ["x-do: fail"]).send(to: octavo.base).status == 204)
            let call = """
                import os
                from dapr.clients import DaprClient
                with DaprClient() as client:
                    for what in ("pass", "answer", "fail"):
                        try:
                            answer = client.invoke_method("demo", "a", data=b"hello", http_verb="POST", metadata=(("x-do", what),))
                            print(what, b"hello" in answer.data)
                        except Exception as error:
                            print(what, type(error).__name__)
                """
            var environment = SDKTests.environment(octavo)
            environment["DAPR_API_METHOD_INVOCATION_PROTOCOL"] = "grpc"
            let end = try await Subprocess.run(Places.python, ["-c", call], environment: environment, within: .seconds(60))
            let lines = end.output.split(separator: "\n").map(String.init)
            #expect(lines.first == "pass True" && lines.count == 3 && !lines.dropFirst().contains { $0.hasSuffix("True") }, "\(end)")
        }
        app.process.kill(SIGKILL)
    }

    @Test("and one that wants bodies gets them whole, up to a size", .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"), arguments: StoresTests.modes)
    func bodies(modes: [String]) async throws {
        let pipeline = try await Pipeline(
            [Pipeline.component("whole", "body"), Pipeline.component("upper", "uppercase")], app: [("whole", "body"), ("upper", "uppercase")],
            fixture: true)
        let app = try await Names.app("http")
        let flags = pipeline.flags + modes + ["--app-port", "\(app.port)", "--app-protocol", "http"]
        try await OctavoProcess.with(in: pipeline.scratch, flags: flags) { octavo in
            for version in Curl.Version.allCases {
                let answer = try await Curl(method: "POST", path: "/v1.0/invoke/demo/method/a", headers: ["x-do: mark"], body: "hello é")
                    .send(to: octavo.base, version)
                #expect(answer.status == 200 && answer.body.contains("HELLO"), "\(answer)")
                let fields = try #require(answer.json?["fields"], "\(answer)")
                #expect(fields["x-body-seen"]?.string == "yes", "\(answer)")
                let none = try await Curl(path: "/v1.0/invoke/demo/method/a").send(to: octavo.base, version)
                #expect(none.status == 200, "\(none)")
            }
            let chunked = try await Curl(
                method: "POST", path: "/v1.0/invoke/demo/method/count", headers: ["transfer-encoding: chunked"], body: String(repeating: "x", count: 3 << 20)
            ).send(to: octavo.base)
            #expect(chunked.body == "\(3 << 20)", "\(chunked)")
            let large = try await Curl(method: "POST", path: "/v1.0/invoke/demo/method/count", body: String(repeating: "x", count: 5 << 20)).send(to: octavo.base)
            #expect(large.status == 413, "\(large)")
            let answer = try await Curl(path: "/v1.0/invoke/demo/method/stream/8", headers: ["x-do-back: status"]).send(to: octavo.base)
            #expect(answer.status == 299 && answer.body.utf8.count == 8 << 16)
            // More than is collected goes through as it comes.
            let more = try await Curl(path: "/v1.0/invoke/demo/method/stream/160", headers: ["x-do-back: status"]).send(to: octavo.base, seconds: 30)
            #expect(more.status == 299 && more.body.utf8.count == 160 << 16)
        }
        app.process.kill(SIGKILL)
    }

    @Test("and nothing passes where a filter is missing, or another thing, which readiness says")
    func missing() async throws {
        for (component, cause) in [("probe", "no component has that name"), ("statestore", "is of the type state.in-memory")] {
            let pipeline = try await Pipeline([], api: [(component, "filter")])
            try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags, untilReady: false) { octavo in
                try await eventually("readiness says it") {
                    let health = try await Curl(path: "/v1.0/healthz").send(to: octavo.base)
                    return health.status == 500 && health.body.contains("httpPipeline") && health.body.contains(cause) ? () : nil
                }
                let answer = try await Curl(path: "/v1.0/metadata").send(to: octavo.base)
                #expect(answer.status == 500 && answer.body.contains(cause), "\(answer)")
                #expect(octavo.process.errors.contains(cause))
                // It is added while the runtime runs.
                guard component == "probe" else { return }
                try octavo.scratch.write(Resource.component("probe", "middleware.http.filter"), to: "resources/probe.yaml")
                try await eventually("the component is there, without its plugin") {
                    let answer = try await Curl(path: "/v1.0/metadata").send(to: octavo.base)
                    return answer.status == 503 ? () : nil
                }
            }
        }
        let scratch = try Scratch()
        try scratch.write(
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: c\nspec:\n  httpPipeline:\n    handlers:\n    - name: a\n      type: state.redis\n",
            to: "config.yaml")
        let refused = try await OctavoProcess.launch(in: scratch, flags: ["--config", scratch.file("config.yaml")]).ended()
        #expect(refused.code == 1 && refused.errors.contains("must begin with middleware.http."), "\(refused.errors)")
    }

    @Test("and a selector is told to have no effect")
    func selector() async throws {
        let pipeline = try await Pipeline([probe], api: [("probe", "filter")], fixture: true)
        let file = pipeline.scratch.file("config.yaml")
        let lines = try String(contentsOfFile: file, encoding: .utf8) + "      selector:\n        fields:\n        - {field: path, value: /nothing}\n"
        try pipeline.scratch.write(lines, to: "config.yaml")
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags) { octavo in
            #expect(try await Curl(path: "/v1.0/state/statestore/a", headers: ["x-do: answer"]).send(to: octavo.base).status == 418)
            try await eventually("the warning: \(octavo.process.errors)") {
                octavo.process.errors.contains("handlers[0].selector has no effect, as in Dapr") ? () : nil
            }
        }
    }

    @Test("and fail while their filter is dead, and go on when it is there again")
    func crash() async throws {
        let pipeline = try await Pipeline([probe], api: [("probe", "filter")], fixture: true)
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags + ["--isolate", "all"]) { octavo in
            let path = "/v1.0/state/statestore/a"
            #expect(try await Curl(path: path).send(to: octavo.base).status == 204)
            let dead = try await Curl(path: path, headers: ["x-do: crash"]).send(to: octavo.base, seconds: 30)
            #expect(dead.status == 503 && dead.json?["errorCode"]?.string == "ERR_MIDDLEWARE", "\(dead)")
            try await eventually("the next process", within: .seconds(30)) {
                let answer = try await Curl(path: path).send(to: octavo.base)
                #expect(answer.status == 204 || answer.status == 503, "\(answer)")
                return answer.status == 204 ? () : nil
            }
            // What kills it again is kept from it, and does not pass.
            for _ in 0..<3 {
                let again = try await Curl(path: path, headers: ["x-do: crash"]).send(to: octavo.base, seconds: 30)
                #expect(again.status >= 500 && again.json?["errorCode"]?.string == "ERR_MIDDLEWARE", "\(again)")
            }
            // It is the path that is set apart, with whatever query, and no other.
            try await eventually("the path is set apart", within: .seconds(30)) {
                let answer = try await Curl(path: path + "?x=y").send(to: octavo.base)
                return answer.body.contains("octavo plugin quarantine list") ? () : nil
            }
            try await eventually("the next process", within: .seconds(30)) {
                try await Curl(path: "/v1.0/state/statestore/b").send(to: octavo.base).status == 204 ? () : nil
            }
            #expect(try await Curl(path: path).send(to: octavo.base).body.contains("octavo plugin quarantine list"))
            #expect(try await Curl(path: "/v1.0/state/statestore/b", headers: ["x-do: mark"]).send(to: octavo.base).status == 204)
        }
    }

    @Test("behind the token of the API")
    func token() async throws {
        let pipeline = try await Pipeline(
            [probe, Pipeline.component("cors", "cors")], api: [("cors", "cors"), ("probe", "filter")], fixture: true)
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags, environment: ["DAPR_API_TOKEN": "secret"]) { octavo in
            func ask(_ method: String, _ headers: String...) async throws -> Curl.Answer {
                try await Curl(method: method, path: "/v1.0/state/statestore/a", headers: headers).send(to: octavo.base)
            }
            #expect(try await ask("GET", "x-do: answer").status == 401)
            #expect(try await ask("GET", "x-do: answer", "dapr-api-token: secret").status == 418)
            #expect(try await ask("OPTIONS", "origin: https://a.example").status == 401)
            let preflight = try await ask("OPTIONS", "origin: https://a.example", "access-control-request-method: GET")
            #expect(preflight.status == 204 && preflight.headers["access-control-allow-origin"] == "*", "\(preflight)")
        }
    }
}
