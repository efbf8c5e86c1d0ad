import Foundation
import JSONText
import Testing

@Suite("Bindings", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct BindingTests {
    /// A program of the test in Python: what came to it is its output, after a line with its ports.
    private struct Listening {
        let process: Subprocess
        let ports: [Int]

        static func start(_ script: String, _ arguments: String...) async throws -> Listening {
            let process = try Subprocess(Places.python, [Places.script(script)] + arguments)
            let ports = try await eventually("\(script) listens: \(process.errors)", within: .seconds(30)) { () -> [Int]? in
                // A port that was named may be found before it is told.
                process.output.split(separator: "\n").first { !$0.hasPrefix("{") }?.split(separator: " ").compactMap { Int($0) }
            }
            return Listening(process: process, ports: ports)
        }

        var seen: [JSONValue] {
            process.output.split(separator: "\n").filter { $0.hasPrefix("{") }.compactMap { try? JSONValue(parsing: String($0)) }
        }
    }

    private func resources(_ scratch: Scratch, _ more: String = "") throws -> [String] {
        let all = [
            Resource.component("tick", "bindings.cron", [("schedule", "@every 1s"), ("route", "/on-tick"), ("direction", "input")]),
            Resource.component("files", "bindings.localstorage", [("rootPath", scratch.file("files"))]),
            Resource.component("store", "state.in-memory"), more,
        ]
        try scratch.write(all.filter { !$0.isEmpty }.joined(separator: "---\n"), to: "resources/all.yaml")
        return ["--resources-path", scratch.file("resources")]
    }

    @Test(
        "an app hears of an input binding, and what its answer asks for is done", arguments: ["http", "fastapi", "grpc"],
        [[], ["--isolate", "all"]])
    func input(kind: String, flags: [String]) async throws {
        let app = try await Listening.start("bindings_app", kind, "0")
        let scratch = try Scratch()
        let wire = kind == "grpc" ? "grpc" : "http"
        let flags = try resources(scratch) + flags + ["--app-port", "\(app.ports[0])", "--app-protocol", wire]
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            // The first one is refused.
            _ = try await eventually("three events\n\(app.process.errors)\(octavo.process.errors)") { app.seen.count >= 3 ? true : nil }
            let event = app.seen[0]
            #expect(event["name"]?.string == "on-tick" && event["data"]?.string == "")
            let time = event["metadata"]?[kind == "grpc" ? "readTimeUTC" : "readtimeutc"]?.string ?? ""
            #expect(time.hasSuffix(" +0000 UTC") && time.hasPrefix("20"), "\(event)")
            let saved = try await eventually("the item is saved") { () async throws -> Curl.Answer? in
                let answer = try await Curl(path: "/v1.0/state/store/seen").send(to: octavo.base)
                return answer.status == 200 ? answer : nil
            }
            #expect(saved.json?["by"]?.string == kind)
            let file = try await eventually("the output binding was called") {
                try FileManager.default.contentsOfDirectory(atPath: scratch.file("files")).first { !$0.hasPrefix(".") }
            }
            #expect(scratch.read("files/" + file).filter { $0 != " " } == #"{"from":"\#(kind)"}"#)
            let metadata = try #require(try await Curl(path: "/v1.0/metadata").send(to: octavo.base).json)
            func capabilities(_ name: String) -> [String] {
                metadata["components"]?.array?.first { $0["name"]?.string == name }?["capabilities"]?.array?.compactMap(\.string) ?? []
            }
            #expect(capabilities("tick") == ["INPUT_BINDING"] && capabilities("files") == ["OUTPUT_BINDING"])
        }
    }

    @Test("an app that comes late, or again, hears of it; one that does not want it is left alone", arguments: ["http", "grpc"])
    func discovery(kind: String) async throws {
        let scratch = try Scratch()
        let port = try FreePort.find()
        // The direction is not said: the app is asked. It has no route for `quiet`.
        let asked = [
            Resource.component("tick", "bindings.cron", [("schedule", "* * * * * *"), ("route", "on-tick")]),
            Resource.component("quiet", "bindings.cron", [("schedule", "* * * * * *")]),
        ]
        try scratch.write(asked.joined(separator: "---\n"), to: "resources/all.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--app-port", "\(port)", "--app-protocol", kind]
        let octavo = try await OctavoProcess.start(in: scratch, flags: flags, untilReady: false)
        for round in 0..<2 {
            let app = try await Listening.start("bindings_app", kind, "\(port)")
            _ = try await eventually("events in round \(round)\n\(octavo.process.errors)") { app.seen.count >= 2 ? true : nil }
            #expect(app.seen.allSatisfy { $0["name"]?.string == "on-tick" })
            app.process.kill(SIGKILL)
            _ = try await app.process.ended()
        }
        #expect(!octavo.process.errors.contains("binding=quiet"), "\(octavo.process.errors)")
        try await octavo.stop()
    }

    @Test("operations of output bindings, by the SDK and over HTTP", arguments: [[], ["--isolate", "all"]])
    func output(flags: [String]) async throws {
        let sink = try await Listening.start("bindings_sink")
        let redis = try await RedisServer.start()
        let dead = try ReservedPort()
        let scratch = try Scratch()
        let more = [
            Resource.component("keys", "bindings.redis", [("redisHost", "127.0.0.1:\(redis.port)")]),
            Resource.component(
                "web", "bindings.http",
                [("url", "http://127.0.0.1:\(sink.ports[0])/"), ("securityToken", "sesame"), ("securityTokenHeader", "X-Token")]),
            Resource.component("nobody", "bindings.http", [("url", "http://127.0.0.1:\(dead.port)")]),
            Resource.component(
                "mail", "bindings.smtp",
                [("host", "127.0.0.1"), ("port", "\(sink.ports[1])"), ("emailFrom", "me@example.com"), ("emailTo", "you@example.com"), ("subject", "Hello")]),
        ]
        let flags = try resources(scratch, more.joined(separator: "---\n")) + flags
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            for part in ["files", "redis", "web", "mail"] {
                let port = { (text: String?) in String(text?.split(separator: ":").last ?? "") }
                let run = try await Subprocess.run(
                    Places.python,
                    [Places.script("bindings"), port(octavo.addresses["grpc"]), port(octavo.addresses["http"]), scratch.file("files"), part],
                    within: .seconds(60))
                #expect(run.code == 0, "\(part): \(run.errors)")
            }
            let mails = sink.seen.filter { $0["from"] != nil }
            #expect(mails.count == 3)
            let first = try #require(mails.first)
            #expect(first["from"]?.string == "me@example.com" && first["html"]?.string?.hasPrefix("<b>Hi</b>") == true)
            #expect(
                first["to"]?.array?.compactMap(\.string) == ["one@example.com", "two@example.com", "three@example.com", "four@example.com"])
            #expect(first["subject"]?.string == String(repeating: "Grüße 😀", count: 8) && first["type"]?.string == "text/html")
            #expect(first["headers"]?.array?.contains(.string("bcc")) == false && first["priority"]?.string == "3")
            #expect(mails[1]["html"]?.string?.hasPrefix("a \"b\"\n") == true && mails[1]["priority"]?.string == "5")
        }
    }

    @Test("TLS of HTTP and of mail: who vouches for whom is looked at, and nothing is sent to a stranger", arguments: [[], ["--isolate", "all"]])
    func secure(flags: [String]) async throws {
        let made = try await Certificates()
        let sink = try await Listening.start("bindings_sink", made.server, made.serverKey, made.authority)
        let scratch = try Scratch()
        let url = ("url", "https://127.0.0.1:\(sink.ports[0])")
        let own = [("MTLSClientCert", made.client), ("MTLSClientKey", made.clientKey)]
        func pem(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8).replacingOccurrences(of: "\n", with: "\\n") }
        func mail(_ password: String, _ more: [(String, String)]) -> [(String, String)] {
            [
                ("host", "127.0.0.1"), ("port", "\(sink.ports[1])"), ("user", "sender"), ("password", password),
                ("emailFrom", "me@example.com"), ("emailTo", "you@example.com"), ("subject", "Hello"),
            ] + more
        }
        let texts = [
            ("MTLSRootCA", try pem(made.authority)), ("MTLSClientCert", try pem(made.client)), ("MTLSClientKey", try pem(made.clientKey)),
        ]
        let components = [
            Resource.component("files", "bindings.http", [url, ("MTLSRootCA", made.authority)] + own),
            Resource.component("texts", "bindings.http", [url] + texts),
            Resource.component("stranger", "bindings.http", [url, ("MTLSRootCA", made.stranger)] + own),
            Resource.component("system", "bindings.http", [url] + own),
            Resource.component("nameless", "bindings.http", [url, ("MTLSRootCA", made.authority)]),
            Resource.component("lax", "bindings.smtp", mail("s3cret", [("skipTLSVerify", "true")])),
            Resource.component("strict", "bindings.smtp", mail("s3cret", [])),
            Resource.component("wrong", "bindings.smtp", mail("not-it", [("skipTLSVerify", "true")])),
        ]
        try scratch.write(components.joined(separator: "---\n"), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            func invoke(_ name: String, _ operation: String = "create") async throws -> Curl.Answer {
                try await Curl(
                    method: "POST", path: "/v1.0/bindings/\(name)", headers: ["content-type: application/json"],
                    body: #"{"operation":"\#(operation)","data":"from \#(name)"}"#
                ).send(to: octavo.base)
            }
            for name in ["files", "texts"] {
                let answer = try await invoke(name, "post")
                #expect(answer.status == 200 && answer.body.contains("from \(name)"), "\(name): \(answer.status) \(answer.body)")
            }
            for (name, cause) in [("stranger", "certificate"), ("system", "certificate"), ("nameless", "127.0.0.1")] {
                let answer = try await invoke(name, "post")
                #expect(answer.status == 503 && answer.body.contains(cause) && answer.body.contains(name), "\(name): \(answer.status) \(answer.body)")
            }
            let taken = try await invoke("lax"), refused = try await invoke("strict"), wrong = try await invoke("wrong")
            #expect(taken.status == 204 || taken.status == 200, "\(taken.body)")
            #expect(refused.status == 503 && refused.body.contains("certificate"), "\(refused.status) \(refused.body)")
            #expect(wrong.status == 500 && wrong.body.contains("user and password"), "\(wrong.status) \(wrong.body)")
            let mails = sink.seen.filter { $0["from"] != nil }
            #expect(mails.count == 1 && mails[0]["secure"] == .bool(true) && mails[0]["user"]?.string == "sender", "\(mails)")
            #expect(sink.seen.compactMap { $0["body"]?.string } == [#""from files""#, #""from texts""#], "\(sink.seen)")
        }
    }
}
