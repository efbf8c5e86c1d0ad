import Foundation
import JSONText
import Testing

@Suite("Middleware", .serialized)
struct MiddlewareTests {
    private func issuer() async throws -> (process: Subprocess, base: String) {
        let process = try Subprocess(Places.python, [Places.script("token_issuer")], environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        let port = try await eventually("the issuer listens: \(process.errors)", within: .seconds(30)) {
            process.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        return (process, "http://127.0.0.1:\(port)")
    }

    @Test("ratelimit takes so many requests of an address", arguments: StoresTests.modes)
    func rateLimit(modes: [String]) async throws {
        let pipeline = try await Pipeline(
            [Pipeline.component("limit", "ratelimit", [("maxRequestsPerSecond", "2")])], api: [("limit", "ratelimit")])
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags + modes) { octavo in
            func burst(_ host: String) async throws -> Subprocess.Result {
                try await Subprocess.run(
                    "curl", ["-s", "-o", "/dev/null", "-w", "%{http_code} ", "\(host):\(octavo.http)/v1.0/state/statestore/[1-40]"])
            }
            let begin = ContinuousClock.now
            let one = try await burst("http://127.0.0.1").output.split(separator: " ")
            let seconds = Int((ContinuousClock.now - begin) / .seconds(1)) + 1
            #expect(one.count == 40 && one.prefix(2) == ["204", "204"], "\(one)")
            #expect(one.contains("429") && one.filter { $0 == "204" }.count <= 2 + 2 * seconds, "\(one)")
            let refused = try await eventually("a refusal") {
                let answer = try await Curl(path: "/v1.0/state/statestore/a").send(to: octavo.base)
                return answer.status == 429 ? answer : nil
            }
            #expect(refused.headers["retry-after"] == "1" && refused.body == "You have reached maximum request limit.")
            try await eventually("the address may ask again") {
                try await Task.sleep(for: .milliseconds(600))
                return try await Curl(path: "/v1.0/state/statestore/a").send(to: octavo.base).status == 204 ? () : nil
            }
        }
    }

    @Test("routeralias, routerchecker and cors", arguments: StoresTests.modes)
    func routes(modes: [String]) async throws {
        let routes = #"{\"/things/{id}\": \"/v1.0/state/statestore/b\", \"/n/{n:[0-9]+}/x\": \"/v1.0/state/statestore/a\"}"#
        let pipeline = try await Pipeline(
            [
                Pipeline.component("cors", "cors", [("allowedOrigins", "https://a.example, https://b.example"), ("exposedHeaders", "etag"), ("allowCredentials", "true")]),
                Pipeline.component("alias", "routeralias", [("routes", routes)]),
                Pipeline.component("check", "routerchecker", [("rule", #"^/v1\\.0/state/[a-z]+(/\\w{1,3})?([?]|$)"#)]),
            ], api: [("cors", "cors"), ("alias", "routeralias"), ("check", "routerchecker")])
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags + modes) { octavo in
            func ask(_ path: String, _ headers: String..., method: String = "GET") async throws -> Curl.Answer {
                try await Curl(method: method, path: path, headers: headers).send(to: octavo.base)
            }
            let stored = try await Curl(
                method: "POST", path: "/v1.0/state/statestore", body: #"[{"key":"a","value":"one"},{"key":"b","value":"two"}]"#
            ).send(to: octavo.base)
            #expect(stored.status == 204, "\(stored)")
            #expect(try await ask("/things/7%20?x=y").body == #""two""#)
            #expect(try await ask("/n/12/x").body == #""one""#)
            for path in ["/n/a/x", "/things/", "/things/a/b", "/v1.0/metadata", "/v1.0/state/statestore/toolong", "/v1.0/state/../metadata", "/v1%2E0/secrets/a"] {
                let refused = try await ask(path)
                #expect(refused.status == 400 && refused.body == "invalid router", "\(path): \(refused)")
            }
            // What is checked is what is served.
            #expect(try await ask("/v1.0//x/../state/statestore/%61").body == #""one""#)
            let read = try await ask("/v1.0/state/statestore/a", "origin: https://b.example")
            #expect(read.headers["access-control-allow-origin"] == "https://b.example" && read.headers["vary"] == "origin", "\(read)")
            #expect(read.headers["access-control-allow-credentials"] == "true" && read.headers["access-control-expose-headers"] == "etag")
            let refused = try await ask("/v1.0/metadata", "origin: https://b.example")
            #expect(refused.status == 400 && refused.headers["access-control-allow-origin"] == "https://b.example")
            for origin in ["https://c.example", "https://a.example.evil", "null"] {
                #expect(try await ask("/v1.0/state/statestore/a", "origin: \(origin)").headers["access-control-allow-origin"] == nil)
                #expect(try await ask("/x", "origin: \(origin)", "access-control-request-method: GET", method: "OPTIONS").status == 403)
            }
            let preflight = try await ask(
                "/x", "origin: https://a.example", "access-control-request-method: PUT", "access-control-request-headers: x-a, content-type", method: "OPTIONS")
            #expect(preflight.status == 204 && preflight.headers["access-control-allow-methods"] == "PUT", "\(preflight)")
            #expect(preflight.headers["access-control-allow-headers"] == "x-a, content-type" && preflight.headers["access-control-max-age"] == "600")
            #expect(try await ask("/x", "origin: https://a.example", "access-control-request-method: PURGE", method: "OPTIONS").status == 403)
        }
    }

    @Test("wrong metadata is said to be", arguments: [
        ("routerchecker", [("rule", "(a")], "has no )"), ("routerchecker", [("rule", "a(?=a)")], "no groups but"),
        ("routeralias", [("routes", "[]")], "no JSON object"), ("routeralias", [("routes", #"{\"a\": \"/b\"}"#)], "beginning with a slash"),
        ("cors", [("allowCredentials", "true")], "allowedOrigins"), ("ratelimit", [("maxRequestsPerSecond", "0")], "maxRequestsPerSecond"),
        ("bearer", [("issuer", "http://127.0.0.1:1"), ("audience", "a")], "127.0.0.1:1"), ("bearer", [("issuer", "http://a")], "audience"),
        ("oauth2clientcredentials", [("clientID", "a"), ("clientSecret", "b"), ("tokenURL", "ftp://c"), ("headerName", "d")], "tokenURL"),
    ])
    func wrong(type: String, metadata: [(String, String)], cause: String) async throws {
        let pipeline = try await Pipeline([Pipeline.component("it", type, metadata)], api: [("it", type)])
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags, untilReady: false) { octavo in
            try await eventually("readiness tells the cause: \(octavo.process.errors)") {
                let health = try await Curl(path: "/v1.0/healthz").send(to: octavo.base)
                return health.body.contains("component it") && health.body.contains(cause) ? () : nil
            }
            let answer = try await Curl(path: "/v1.0/metadata").send(to: octavo.base)
            #expect(answer.status == 503, "\(answer)")
        }
    }

    @Test("bearer takes the tokens of an issuer and no others", .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"), arguments: StoresTests.modes)
    func bearer(modes: [String]) async throws {
        let issuer = try await issuer()
        let metadata = [("issuer", issuer.base), ("audience", "orders"), ("leeway", "5s")]
        let pipeline = try await Pipeline(
            [
                Pipeline.component("bearer", "bearer", metadata + [("jwksURL", issuer.base + "/keys")]),
                Pipeline.component("found", "bearer", metadata),
            ], api: [("bearer", "bearer"), ("found", "bearer")])
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags + modes + ["--read-buffer-size", "64Ki"]) { octavo in
            func ask(_ headers: String...) async throws -> Curl.Answer {
                try await Curl(path: "/v1.0/state/statestore/a", headers: headers).send(to: octavo.base, seconds: 20)
            }
            func issued(_ path: String) async throws -> Curl.Answer { try await Curl(path: path).send(to: issuer.base) }
            for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] {
                let token = try await issued("/good/\(algorithm)").body
                #expect(try await ask("authorization: Bearer \(token)").status == 204, "\(algorithm)")
                #expect(try await ask("authorization: bearer   \(token)").status == 204, "\(algorithm)")
            }
            let good = try await issued("/good/RS256").body
            for headers in [[], ["authorization: Basic abc"], ["authorization: \(good)"], ["authorization: Bearer"]] {
                let none = try await Curl(path: "/v1.0/state/statestore/a", headers: headers).send(to: octavo.base)
                #expect(none.status == 401 && none.headers["www-authenticate"] == "Bearer", "\(headers): \(none)")
            }
            #expect(try await ask("authorization: Bearer \(good)", "authorization: Bearer \(good)").status == 401)
            let bad = try await issued("/bad").json?.members ?? []
            #expect(bad.count > 45)
            for one in bad {
                let refused = try await ask("authorization: Bearer \(one.value.string ?? "")")
                #expect(refused.status == 401 && refused.body == "Unauthorized", "\(one.name): \(refused)")
                let challenge = refused.headers["www-authenticate"] ?? ""
                #expect(challenge.hasPrefix(one.name == "empty" ? "Bearer" : "Bearer error=\"invalid_token\""), "\(one.name): \(challenge)")
            }
            // Other keys: those that are not known are asked for, not oftener than now and then.
            let before = try await issued("/seen").json?["keys"]?.integer ?? 0
            let next = try await issued("/turn").body
            try await eventually("the new keys are known", within: .seconds(30)) {
                try await ask("authorization: Bearer \(next)").status == 204 ? () : nil
            }
            for _ in 0..<20 { #expect(try await ask("authorization: Bearer \(good)").status == 401) }
            let after = try await issued("/seen").json?["keys"]?.integer ?? 0
            #expect(after > before && after - before < 20, "\(before) \(after)")
            // While the issuer is away its keys are good, and one that is not known lets nobody in.
            _ = try await issued("/away")
            #expect(try await ask("authorization: Bearer \(next)").status == 204)
            let last = try await issued("/turn").body
            try await eventually("the issuer is missed", within: .seconds(30)) {
                let answer = try await ask("authorization: Bearer \(last)")
                #expect(answer.status == 401 || answer.status == 503, "\(answer)")
                return answer.status == 503 ? () : nil
            }
            _ = try await issued("/back")
            try await eventually("the issuer is back", within: .seconds(30)) {
                try await ask("authorization: Bearer \(last)").status == 204 ? () : nil
            }
        }
        issuer.process.kill(SIGKILL)
    }

    @Test(
        "oauth2clientcredentials adds a token that it keeps", .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"),
        arguments: StoresTests.modes)
    func clientCredentials(modes: [String]) async throws {
        let issuer = try await issuer()
        let server = try Subprocess("python3", [Places.script("endpoint_server")])
        let port = try await eventually("the server listens: \(server.errors)", within: .seconds(20)) {
            server.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        func client(_ name: String, _ path: String, _ header: String, _ more: [(String, String)] = []) -> String {
            Pipeline.component(
                name, "oauth2clientcredentials",
                [("clientID", "client"), ("clientSecret", "secret"), ("tokenURL", issuer.base + "/token" + path), ("headerName", header)] + more)
        }
        let pipeline = try await Pipeline(
            [
                client("one", "", "Authorization", [("scopes", "a,b"), ("endpointParamsQuery", "audience=x"), ("authStyle", "1")]),
                client("two", "/body", "x-two"), client("three", "/header", "x-three"), client("four", "/short", "x-four"),
                client("five", "", "x-five", [("pathFilter", "/other$")]),
            ], app: [("one", "oauth2clientcredentials"), ("two", "oauth2clientcredentials"), ("three", "oauth2clientcredentials"), ("four", "oauth2clientcredentials"), ("five", "oauth2clientcredentials")])
        try await OctavoProcess.with(in: pipeline.scratch, flags: pipeline.flags + modes + ["--app-port", "\(port)", "--app-protocol", "http"]) { octavo in
            func ask() async throws -> Curl.Answer {
                try await Curl(path: "/v1.0/invoke/demo/method/a", headers: ["authorization: Basic mine"]).send(to: octavo.base, seconds: 20)
            }
            func token(_ answer: Curl.Answer, _ name: String) -> String? { answer.json?["headers"]?[name]?.string }
            let first = try await ask()
            #expect(first.status == 200 && token(first, "authorization")?.hasPrefix("Bearer token-") == true, "\(first)")
            for name in ["x-two", "x-three", "x-four"] { #expect(token(first, name)?.hasPrefix("Bearer token-") == true, "\(name): \(first)") }
            #expect(token(first, "x-five") == nil)
            let again = try await ask()
            #expect(token(again, "authorization") == token(first, "authorization") && token(again, "x-two") == token(first, "x-two"))
            try await eventually("another token, for the first has ended", within: .seconds(20)) {
                token(try await ask(), "x-four") != token(first, "x-four") ? () : nil
            }
            _ = try await Curl(path: "/away").send(to: issuer.base)
            try await eventually("no token is to be had, and nothing passes", within: .seconds(20)) {
                let answer = try await ask()
                #expect(answer.status == 200 || answer.status == 503, "\(answer)")
                return answer.status == 503 && answer.body.contains("four (middleware.http.oauth2clientcredentials)") ? () : nil
            }
            #expect(!octavo.process.errors.contains("token-"))
        }
        issuer.process.kill(SIGKILL)
        server.kill(SIGKILL)
    }
}
