import Testing

@Suite("Pages of other origins (--allowed-origins)", .serialized)
struct CrossOriginTests {
    private static let question = ["access-control-request-method: post", "access-control-request-headers: dapr-api-token, content-type"]

    private func granted(_ answer: Curl.Answer) -> [String?] {
        ["origin", "methods", "headers", "credentials", "max-age"].map { answer.headers["access-control-\($0 == "max-age" ? $0 : "allow-" + $0)"] }
    }

    @Test("are told nothing without the flag")
    func off() async throws {
        try await OctavoProcess.with { octavo in
            for method in ["GET", "OPTIONS"] {
                let answer = try await Curl(
                    method: method, path: "/v1.0/state/statestore/a", headers: ["origin: https://a.example"] + Self.question).send(to: octavo.base)
                #expect(answer.status == (method == "GET" ? 204 : 404) && granted(answer).allSatisfy { $0 == nil } && answer.headers["vary"] == nil, "\(answer)")
            }
        }
    }

    @Test("may read answers of all kinds when they are named, and ask before the token is there", arguments: ["*", "https://a.example,https://*.b.example"])
    func on(flag: String) async throws {
        try await OctavoProcess.with(flags: ["--allowed-origins", flag], environment: ["DAPR_API_TOKEN": "secret"]) { octavo in
            func ask(_ method: String, _ path: String, _ headers: [String], body: String? = nil) async throws -> Curl.Answer {
                try await Curl(method: method, path: path, headers: headers, body: body).send(to: octavo.base)
            }
            let token = ["dapr-api-token: secret"]
            for origin in ["https://a.example", "HTTPS://A.example", "https://x.b.example"] {
                let expected = flag == "*" ? "*" : origin
                let asked = try await ask("OPTIONS", "/v1.0/state/statestore", ["origin: \(origin)"] + Self.question)
                #expect(asked.status == 200 && asked.body.isEmpty, "\(asked)")
                #expect(granted(asked) == [expected, "POST", "dapr-api-token, content-type", nil, nil], "\(asked)")
                for (path, fields, status) in [
                    ("/v1.0/state/statestore/a", token, 204), ("/v1.0/metadata", token, 200), ("/v1.0/state/none/a", token, 400),
                    ("/nothing", token, 404), ("/v1.0/metadata", [], 401), ("/v1.0/healthz", [], 204), ("/v1.0/invoke/none/method/a", token, 500),
                ] {
                    let answer = try await ask("GET", path, ["origin: \(origin)"] + fields)
                    #expect(answer.status == status && granted(answer) == [expected, nil, nil, nil, nil], "\(path): \(answer)")
                    #expect(answer.headers["vary"] == "Origin", "\(path): \(answer)")
                }
            }
            for (origin, method) in [("https://evil.example", "POST"), ("https://a.example.evil", "POST"), ("null", "POST"), ("https://a.example", "TRACE")] {
                let headers = ["origin: \(origin)", "access-control-request-method: \(method)"]
                let asked = try await ask("OPTIONS", "/v1.0/state/statestore", headers)
                let isGood = flag == "*" && method == "POST"
                #expect(asked.status == 200 && granted(asked)[0] == (isGood ? "*" : nil) && granted(asked)[1] == (isGood ? "POST" : nil), "\(origin): \(asked)")
                guard method == "POST", flag != "*" else { continue }
                let answer = try await ask("GET", "/v1.0/metadata", ["origin: \(origin)"] + token)
                #expect(answer.status == 200 && granted(answer).allSatisfy { $0 == nil } && answer.headers["vary"] == "Origin", "\(answer)")
            }
            let plain = try await ask("GET", "/v1.0/metadata", token)
            #expect(plain.status == 200 && granted(plain).allSatisfy { $0 == nil }, "\(plain)")
            // A question that is none of a browser's goes on as any request.
            #expect(try await ask("OPTIONS", "/v1.0/state/statestore", ["origin: https://a.example"] + token).status == 404)
        }
    }
}

@Suite("Pages of other origins and apps", .enabled(if: Places.hasSDK, "tools/setup test installs Python"))
struct CrossOriginAppTests {
    @Test("what an app says of origins by itself stands alone")
    func app() async throws {
        let app = try Subprocess(Places.python, [Places.script("cross_origin_app")])
        let port = try await eventually("the app listens: \(app.errors)", within: .seconds(20)) {
            app.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        try await OctavoProcess.with(flags: ["--app-id", "shop", "--app-port", "\(port)", "--allowed-origins", "https://a.example"]) { octavo in
            func ask(_ path: String) async throws -> Subprocess.Result {
                try await Subprocess.run("curl", ["-s", "-i", "-H", "origin: https://a.example", octavo.base + "/v1.0/invoke/shop/method" + path])
            }
            for (path, expected) in [("/own", "access-control-allow-origin: https://own.example"), ("/silent", "access-control-allow-origin: https://a.example")] {
                let lines = try await eventually("the app answers") {
                    let lines = try await ask(path).output.lowercased().split(whereSeparator: \.isNewline)
                    return lines.first?.contains(" 200") == true ? lines : nil
                }
                #expect(lines.filter { $0.hasPrefix("access-control-allow-origin") } == [expected[...]], "\(lines)")
            }
        }
    }
}
