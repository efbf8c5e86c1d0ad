import Foundation
import JSONText
import Testing

@Suite("TLS of output bindings", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the servers"))
struct SecureBindingTests {
    @Test("a server's certificate is checked, a client's is shown, and nothing is sent to a stranger", arguments: [[], ["--isolate", "all"]])
    func secure(flags: [String]) async throws {
        let made = try await Certificates()
        let sink = try Subprocess(Places.python, [Places.script("secure_sink"), made.server, made.serverKey, made.authority])
        let ports = try await eventually("it listens: \(sink.errors)", within: .seconds(30)) {
            sink.output.split(separator: "\n").first?.split(separator: " ").compactMap { Int($0) }
        }
        let web = [("url", "https://127.0.0.1:\(ports[0])")]
        let own = [("MTLSClientCert", made.client), ("MTLSClientKey", made.clientKey)]
        func text(_ path: String) -> String {
            ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n").joined(separator: "\\n") + "\\n"
        }
        func mail(_ port: Int, _ tls: String, _ more: [(String, String)]) -> [(String, String)] {
            [("host", "localhost"), ("port", "\(port)"), ("tls", tls), ("emailFrom", "a@example.com"), ("emailTo", "b@example.com"), ("subject", "s")] + more
        }
        let trusted = [("caCert", made.authority)], strange = [("caCert", made.stranger)]
        // Name, type, settings, and what an error says; nil: there is none.
        let cases: [(String, String, [(String, String)], String?)] = [
            ("good", "http", web + own + [("MTLSRootCA", made.authority)], nil),
            (
                "texts", "http",
                web + [("MTLSRootCA", text(made.authority)), ("MTLSClientCert", text(made.client)), ("MTLSClientKey", text(made.clientKey))], nil
            ),
            ("strange", "http", web + own + [("MTLSRootCA", made.stranger)], "TLS with 127.0.0.1"),
            ("system", "http", web + own, "TLS with 127.0.0.1"),
            ("bare", "http", web + [("MTLSRootCA", made.authority)], "127.0.0.1"),
            ("asked", "smtp", mail(ports[1], "starttls", trusted), nil),
            ("offered", "smtp", mail(ports[1], "offered", trusted), nil),
            ("asked-strange", "smtp", mail(ports[1], "starttls", strange), "certificate"),
            ("offered-strange", "smtp", mail(ports[1], "offered", strange), "certificate"),
            ("asked-any", "smtp", mail(ports[1], "starttls", strange + [("skipTLSVerify", "true")]), nil),
            ("at-once", "smtp", mail(ports[2], "implicit", trusted), nil),
            ("at-once-strange", "smtp", mail(ports[2], "implicit", strange), "certificate"),
            ("at-once-system", "smtp", mail(ports[2], "implicit", []), "certificate"),
            ("at-once-any", "smtp", mail(ports[2], "implicit", [("skipTLSVerify", "true")]), nil),
        ]
        let scratch = try Scratch()
        try scratch.write(cases.map { Resource.component($0.0, "bindings." + $0.1, $0.2) }.joined(separator: "---\n"), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")] + flags) { octavo in
            for (name, kind, _, cause) in cases {
                let body = kind == "http" ? #"{"operation":"get","metadata":{"path":"\#(name)"}}"# : #"{"operation":"create","data":"x","metadata":{"emailTo":"\#(name)@example.com"}}"#
                let answer = try await Curl(method: "POST", path: "/v1.0/bindings/\(name)", headers: ["content-type: application/json"], body: body).send(to: octavo.base)
                if let cause {
                    #expect(answer.status >= 500 && answer.body.contains(cause), "\(name): \(answer.status) \(answer.body)")
                } else {
                    #expect(answer.status < 300, "\(name): \(answer.status) \(answer.body)")
                }
            }
        }
        let seen = sink.output.split(separator: "\n").compactMap { try? JSONValue(parsing: String($0)) }
        #expect(seen.compactMap { $0["web"]?.string } == ["/good", "/texts"] && seen.allSatisfy { $0["web"] == nil || $0["client"]?.string == "client" })
        let mails = seen.filter { $0["mail"] != nil }
        #expect(mails.compactMap { $0["to"]?.array?.first?.string } == ["asked", "offered", "asked-any", "at-once", "at-once-any"].map { $0 + "@example.com" })
        #expect(mails.allSatisfy { $0["tls"] == .bool(true) }, "\(mails)")
    }

    @Test("STARTTLS that is asked for is not done without")
    func stripped() async throws {
        let sink = try Subprocess(Places.python, [Places.script("bindings_sink")])
        let ports = try await eventually("it listens: \(sink.errors)", within: .seconds(30)) {
            sink.output.split(separator: "\n").first { !$0.hasPrefix("{") }?.split(separator: " ").compactMap { Int($0) }
        }
        let scratch = try Scratch()
        try scratch.write(
            Resource.component(
                "mail", "bindings.smtp",
                [("host", "127.0.0.1"), ("port", "\(ports[1])"), ("tls", "starttls"), ("emailFrom", "a@example.com"), ("emailTo", "b@example.com"), ("subject", "s")]),
            to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { octavo in
            let answer = try await Curl(
                method: "POST", path: "/v1.0/bindings/mail", headers: ["content-type: application/json"], body: #"{"operation":"create","data":"x"}"#
            ).send(to: octavo.base)
            #expect(answer.status >= 500 && answer.body.contains("STARTTLS"), "\(answer.status) \(answer.body)")
        }
        #expect(!sink.output.contains("{"))
    }
}
