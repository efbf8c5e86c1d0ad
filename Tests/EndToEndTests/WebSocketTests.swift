import Foundation
import Testing

@Suite("WebSockets between apps", .enabled(if: Places.hasSDK, "tools/setup test installs Python"))
struct WebSocketTests {
    @Test("go through one runtime and through two, whole and nothing else with them", arguments: [false, true])
    func sockets(isSecure: Bool) async throws {
        let scratch = try Scratch()
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata:
              name: names
            spec:
              nameResolution:
                component: sqlite
                configuration:
                  connectionString: \(scratch.file("names.db"))
                  updateInterval: 1s
            """, to: "config.yaml")
        let names = ["--config", scratch.file("config.yaml")]
        let script = try Subprocess(Places.python, [Places.script("web_sockets"), scratch.file("addresses")])
        let port = try await eventually("the app listens: \(script.errors)", within: .seconds(20)) {
            script.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        // TLS on every way: to the API, and between the runtimes.
        let authority = isSecure ? try await TestAuthority() : nil
        func flags(_ id: String) async throws -> [String] {
            guard let authority else { return ["--app-id", id] + names }
            let own = ["--tls-cert", authority.leaf(id) + "/cert.pem", "--tls-key", authority.leaf(id) + "/key.pem"]
            return try await ["--app-id", id] + names + authority.issue(id) + own
        }
        let callee = try await OctavoProcess.start(flags: flags("callee") + ["--app-port", "\(port)"])
        try await OctavoProcess.with(flags: flags("caller")) { caller in
            let bases = [callee, caller].map { (isSecure ? "https" : "http") + "://127.0.0.1:\($0.http)" }
            for base in bases {
                try await eventually("the name is known") {
                    let answer = try await Subprocess.run("curl", ["-sk", base + "/v1.0/invoke/callee/method/plain"])
                    return answer.output == "plain" ? () : nil
                }
            }
            try scratch.write((bases + ["end", ""]).joined(separator: "\n"), to: "addresses")
            let end = try await script.ended(within: .seconds(240))
            let bad = end.output.split(separator: "\n").filter { $0.hasPrefix("BAD") }
            #expect(end.code == 0 && bad.isEmpty, "\(bad.joined(separator: "\n"))\n\(end.errors)\n\(callee.process.errors.suffix(2000))")
        }
        try await callee.stop()
    }

    @Test("go through middleware that sees requests and answers", arguments: StoresTests.modes)
    func middleware(modes: [String]) async throws {
        let pipeline = try await Pipeline(
            [
                Pipeline.component("cors", "cors", [("allowedOrigins", "https://a.example")]),
                Pipeline.component("check", "routerchecker", [("rule", #"^/"#)]),
            ], api: [("cors", "cors"), ("check", "routerchecker")], app: [("cors", "cors")])
        let script = try Subprocess(Places.python, [Places.script("web_sockets"), pipeline.scratch.file("addresses")])
        let port = try await eventually("the app listens: \(script.errors)", within: .seconds(20)) {
            script.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags + modes + ["--app-id", "callee", "--app-port", "\(port)"]) { octavo in
            try await eventually("the app is called") {
                try await Curl(path: "/v1.0/invoke/callee/method/plain").send(to: octavo.base).status == 200 ? () : nil
            }
            try pipeline.scratch.write("http://127.0.0.1:\(octavo.http)\nend\n", to: "addresses")
            let end = try await script.ended(within: .seconds(240))
            let bad = end.output.split(separator: "\n").filter { $0.hasPrefix("BAD") }
            #expect(end.code == 0 && bad.isEmpty, "\(bad.joined(separator: "\n"))\n\(end.errors)")
        }
    }

    @Test("are opened for pages of their own origin, and of those that are named", arguments: [[], ["--allowed-origins", "https://*.example"]])
    func origins(flags: [String]) async throws {
        try await OctavoProcess.with(flags: ["--app-id", "callee"] + flags) { octavo in
            let offer = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="]
            for (origin, isGood) in [
                ("https://shop.example", !flags.isEmpty), ("https://shop.example.evil", false), ("null", false),
                ("http://127.0.0.1:\(octavo.http)", true), ("http://127.0.0.1:\(octavo.http)1", false),
            ] {
                let answer = try await Curl(path: "/v1.0/invoke/callee/method/x", headers: offer + ["origin: \(origin)"]).send(to: octavo.base)
                // There is no app, which is found out behind the judgement.
                #expect(answer.status == (isGood ? 500 : 403), "\(origin): \(answer)")
                #expect(isGood || answer.body.contains("--allowed-origins"), "\(answer)")
            }
        }
    }

    @Test("are refused with the reason where the app speaks gRPC")
    func grpc() async throws {
        let app = try Subprocess(Places.python, [Places.script("invoked_app"), "grpc", "0"])
        let port = try await eventually("the app listens: \(app.errors)", within: .seconds(20)) {
            app.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        try await OctavoProcess.with(flags: ["--app-id", "callee", "--app-port", "\(port)", "--app-protocol", "grpc"]) { octavo in
            let offer = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="]
            let answer = try await eventually("the app is up") {
                let answer = try await Curl(path: "/v1.0/invoke/callee/method/x", headers: offer).send(to: octavo.base)
                return answer.status == 501 ? answer : nil
            }
            #expect(answer.body.contains("ERR_DIRECT_INVOKE") && answer.body.contains("callee takes no WebSockets") && answer.body.contains("--app-protocol"))
            #expect(answer.headers["connection"] == "close")
        }
    }

    @Test("reach endpoints that take them over HTTP/1.1 alone, and stay longer than a call may take")
    func endpoint() async throws {
        let certificates = try await Certificates()
        let scratch = try Scratch()
        let script = try Subprocess(
            Places.python, [Places.script("web_socket_endpoint"), scratch.file("address"), certificates.server, certificates.serverKey])
        let port = try await eventually("the server listens: \(script.errors)", within: .seconds(20)) {
            script.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        let authority = try String(contentsOfFile: certificates.authority, encoding: .utf8).split(separator: "\n").map { "        " + $0 }
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: HTTPEndpoint
            metadata:
              name: partner
            spec:
              baseUrl: https://localhost:\(port)/api/
              clientTLS:
                rootCA:
                  value: |
            \(authority.joined(separator: "\n"))
            ---
            apiVersion: dapr.io/v1alpha1
            kind: Resiliency
            metadata:
              name: policies
            spec:
              policies:
                timeouts: {short: 2s}
              targets:
                apps:
                  partner: {timeout: short}
            """, to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { octavo in
            try scratch.write("127.0.0.1:\(octavo.http)\n", to: "address")
            let end = try await script.ended(within: .seconds(60))
            #expect(end.code == 0 && end.output.hasSuffix("/api/b one\n/api/b two\n"), "\(end)")
        }
    }

    @Test("reach apps on other servers, over HTTP/1.1 and HTTP/2", arguments: ["http", "h2c"])
    func servers(wire: String) async throws {
        let scratch = try Scratch()
        let script = try Subprocess(Places.python, [Places.script("web_socket_asgi"), scratch.file("address"), wire])
        let port = try await eventually("the app listens: \(script.errors)", within: .seconds(20)) {
            script.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        let flags = ["--app-id", "callee", "--app-port", "\(port)", "--app-protocol", wire]
        try await OctavoProcess.with(flags: flags) { octavo in
            try await eventually("the app is called") {
                try await Curl(path: "/v1.0/invoke/callee/method/a").send(to: octavo.base).status == 404 ? () : nil
            }
            try scratch.write("127.0.0.1:\(octavo.http)\n", to: "address")
            let end = try await script.ended(within: .seconds(90))
            let version = wire == "http" ? "1.1" : "2"
            let lines = Set(end.output.split(separator: "\n").dropFirst())
            // Hypercorn tells its app of no code over HTTP/2.
            let code = wire == "http" ? 4000 : 1006
            #expect(lines == ["/a \(version) chat", "True", "closed \(code)", "refused 403"], "\(end)")
        }
    }

    @Test("need the token of the API", arguments: ["none", "secret"])
    func token(_ token: String) async throws {
        try await OctavoProcess.with(flags: ["--app-id", "callee"], environment: ["DAPR_API_TOKEN": "secret"]) { octavo in
            let offer = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="]
            let answer = try await Curl(path: "/v1.0/invoke/callee/method/x", headers: offer + ["dapr-api-token: \(token)"]).send(to: octavo.base)
            #expect(answer.status == (token == "secret" ? 500 : 401) && answer.headers["connection"] == "close", "\(answer)")
        }
    }
}
