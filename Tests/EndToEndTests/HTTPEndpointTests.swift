import Foundation
import JSONText
import Testing

@Suite("Servers that are no apps")
struct HTTPEndpointTests {
    private func server(_ arguments: [String] = []) async throws -> (process: Subprocess, port: Int) {
        let process = try Subprocess("python3", [Places.script("endpoint_server")] + arguments)
        let port = try await eventually("the server listens: \(process.errors)", within: .seconds(20)) {
            process.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        return (process, port)
    }

    @Test("are called by their URLs, as they are and escaped")
    func urls() async throws {
        let server = try await server()
        try await OctavoProcess.with { octavo in
            let base = "127.0.0.1:\(server.port)"
            for (path, seen) in [
                ("/v1.0/invoke/http://\(base)/method/a/b?c=d", "/a/b?c=d"),
                ("/v1.0/invoke/http%3A%2F%2F\(base)/method/a", "/a"),
                ("/v1.0/invoke/http:/\(base)/method/a", "/a"),
                ("/v1.0/invoke/http://\(base)/under/method/a", "/under/a"),
                // What is between the server and its caller is theirs.
                ("/v1.0/invoke/http://\(base)/method/group%2Fproject", "/group%2Fproject"),
                ("/v1.0/invoke/http://\(base)/method", "/"),
            ] {
                let answer = try await Curl(method: "PUT", path: path, headers: ["dapr-api-token: t", "x-mine: y"], body: "hello").send(to: octavo.base)
                #expect(answer.status == 200 && answer.headers["x-from"] == "endpoint", "\(path): \(answer)")
                let said = try #require(answer.json)
                #expect(said["path"]?.string == seen && said["method"]?.string == "PUT" && said["body"]?.string == "hello")
                #expect(said["headers"]?["host"]?.string == base && said["headers"]?["x-mine"]?.string == "y")
                #expect(said["headers"]?["dapr-api-token"] == nil && said["headers"]?["dapr-caller-app-id"] == nil)
            }
            let named = try await Curl(path: "/x", headers: ["dapr-app-id: http://\(base)"]).send(to: octavo.base)
            #expect(named.json?["path"]?.string == "/x", "\(named)")
            for (path, status) in [
                ("/v1.0/invoke/http://user@\(base)/method/a", 400), ("/v1.0/invoke/http://:80/method/a", 400),
                ("/v1.0/invoke/http://a:99999/method/a", 400), ("/v1.0/invoke/http://127.0.0.1:1/method/a", 500),
                ("/v1.0/invoke/http://\(base)/methods", 404), ("/v1.0/invoke/http://\(base)/method/missing", 404),
            ] {
                let answer = try await Curl(path: path).send(to: octavo.base)
                #expect(answer.status == status, "\(path): \(answer)")
            }
        }
    }

    @Test("have names, headers from secrets, and certificates on both sides; a change is taken in", .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
    func resources() async throws {
        let certificates = try await Certificates()
        let server = try await server([certificates.server, certificates.serverKey, certificates.authority])
        let scratch = try Scratch()
        func pem(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
        let secrets = JSONValue.object([
            (name: "token", value: .string("Bearer top-secret")), (name: "key", value: .string(try pem(certificates.clientKey))),
        ])
        var writer = JSONWriter()
        writer.value(secrets)
        try scratch.write(String(decoding: writer.bytes, as: UTF8.self), to: "secrets.json")
        func indented(_ text: String) -> String { text.split(separator: "\n").map { "        " + $0 }.joined(separator: "\n") }
        func write(header: String) throws {
            try scratch.write(
                Resource.component("vault", "secretstores.local.file", [("secretsFile", scratch.file("secrets.json"))]) + """
                ---
                apiVersion: dapr.io/v1alpha1
                kind: HTTPEndpoint
                metadata:
                  name: partner
                spec:
                  baseUrl: https://localhost:\(server.port)/api/
                  headers:
                  - name: Authorization
                    secretKeyRef: {name: token, key: token}
                  - name: X-Plain
                    value: \(header)
                  clientTLS:
                    rootCA:
                      value: |
                \(indented(try pem(certificates.authority)))
                    certificate:
                      value: |
                \(indented(try pem(certificates.client)))
                    privateKey:
                      secretKeyRef: {name: key, key: key}
                auth:
                  secretStore: vault
                """, to: "resources/all.yaml")
        }
        try write(header: "one")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { octavo in
            let answer = try await eventually("the endpoint is ready") {
                let answer = try await Curl(path: "/v1.0/invoke/partner/method/a", headers: ["authorization: mine", "x-plain: mine"]).send(to: octavo.base)
                return answer.status == 200 ? answer : nil
            }
            let said = try #require(answer.json)
            #expect(said["path"]?.string == "/api/a" && said["peer"] == .bool(true), "\(answer)")
            #expect(said["headers"]?["authorization"]?.string == "Bearer top-secret" && said["headers"]?["x-plain"]?.string == "one")
            let invoked = try await Subprocess.run(
                Places.python, ["-c", """
                    from dapr.clients import DaprClient
                    with DaprClient() as client:
                        answer = client.invoke_method("partner", "b", data=b"x", http_verb="POST")
                        print(answer.text())
                    """], environment: SDKTests.environment(octavo))
            #expect(invoked.output.contains("/api/b") && invoked.output.contains("top-secret"), "\(invoked)")
            let metadata = try await Curl(path: "/v1.0/metadata").send(to: octavo.base)
            #expect(metadata.json?["httpEndpoints"]?.array?.first?["name"]?.string == "partner")
            try write(header: "two")
            try await eventually("the change is taken in", within: .seconds(20)) {
                let answer = try await Curl(path: "/v1.0/invoke/partner/method/a").send(to: octavo.base)
                return answer.json?["headers"]?["x-plain"]?.string == "two" ? () : nil
            }
            #expect(!octavo.process.errors.contains("top-secret") && !octavo.process.errors.contains("PRIVATE KEY"))
        }
        // Nobody it trusts, and no certificate of ours.
        let all = try String(contentsOfFile: scratch.file("resources/all.yaml"), encoding: .utf8)
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: HTTPEndpoint
            metadata: {name: stranger}
            spec: {baseUrl: "https://localhost:\(server.port)"}
            ---
            apiVersion: dapr.io/v1alpha1
            kind: HTTPEndpoint
            metadata: {name: lost}
            spec:
              baseUrl: http://localhost:1
              headers: [{name: a, secretKeyRef: {name: nothing}}]
            auth: {secretStore: nowhere}
            ---
            \(all)
            """, to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { octavo in
            let stranger = try await Curl(path: "/v1.0/invoke/stranger/method/a").send(to: octavo.base)
            #expect(stranger.status == 500 && stranger.body.contains("certificate"), "\(stranger)")
            try await eventually("the cause is known") {
                let lost = try await Curl(path: "/v1.0/invoke/lost/method/a").send(to: octavo.base)
                return lost.status == 500 && lost.body.contains("nowhere") ? () : nil
            }
        }
    }
}
