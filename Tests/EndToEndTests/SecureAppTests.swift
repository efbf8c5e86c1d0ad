import Foundation
import JSONText
import Testing

@Suite("An app that speaks TLS or HTTP/2", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct SecureAppTests {
    private static func app(_ wire: String, _ certificates: Certificates) async throws -> SubscriberApp {
        let files = [certificates.serverKey, certificates.server]
        return wire == "grpcs" ? try await .start("grpcs", files) : try await .start(script: "asgi_app", [wire] + files)
    }

    private func with(
        _ app: SubscriberApp, _ wire: String, _ flags: [String], untilReady: Bool = true, _ body: (OctavoProcess) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        try scratch.write(Resource.component("bus", "pubsub.in-memory"), to: "resources/bus.yaml")
        try await OctavoProcess.with(
            in: scratch,
            flags: ["--resources-path", scratch.file("resources"), "--app-port", "\(app.port)", "--app-protocol", wire] + flags,
            untilReady: untilReady, body)
    }

    @Test("gets messages, with its certificate verified or not", arguments: [
        ("https", true), ("https", false), ("grpcs", true), ("grpcs", false), ("h2c", false),
    ])
    func delivered(wire: String, verified: Bool) async throws {
        let certificates = try await Certificates()
        let app = try await Self.app(wire, certificates)
        try await with(app, wire, verified ? ["--app-ca", certificates.authority] : []) { (octavo) async throws in
            let answer = try await Curl(
                method: "POST", path: "/v1.0/publish/bus/plain", headers: ["content-type: text/plain"], body: "a secret"
            ).send(to: octavo.base)
            #expect(answer.status == 204, "\(answer.body)")
            let seen = try await eventually("it comes\n\(app.process.errors)\(octavo.process.errors)") { app.seen("/plain").first }
            #expect(seen["data"]?.string == "a secret")
            if wire == "https" { #expect(seen["scheme"]?.string == "https", "\(seen)") }
            if wire == "h2c" { #expect(seen["version"]?.string == "2", "\(seen)") }
        }
    }

    @Test("is refused when its certificate is of an authority that the operator has not named", arguments: ["https", "grpcs"])
    func stranger(wire: String) async throws {
        let certificates = try await Certificates()
        let app = try await Self.app(wire, certificates)
        try await with(app, wire, ["--app-ca", certificates.stranger], untilReady: false) { (octavo) async throws in
            _ = try await eventually("the log names the cause\n\(octavo.process.errors)") {
                octavo.process.errors.split(separator: "\n").contains {
                    $0.contains("the app can't be asked about itself yet") && $0.contains("its certificate is not trusted")
                        && $0.contains("127.0.0.1:\(app.port)")
                } ? true : nil
            }
            let early = try await Curl(path: "/v1.0/healthz").send(to: octavo.base)
            #expect(early.status == 500 && early.body.contains("the subscriptions of the app are being opened"), "\(early.body)")
        }
    }

    @Test("whose authorities make no sense keeps the runtime from starting", arguments: [
        (["--app-protocol", "http", "--app-ca", "/no/such/file"], "--app-ca is for apps that speak TLS"),
        (["--app-protocol", "grpcs", "--app-ca", "/no/such/file"], "Can't read the TLS authorities /no/such/file"),
        (["--app-protocol", "https", "--app-ca", "/etc/passwd"], "The TLS authorities /etc/passwd are not usable"),
    ])
    func senseless(flags: [String], cause: String) async throws {
        let end = try await OctavoProcess.launch(in: try Scratch(), flags: ["--app-port", "8123"] + flags).ended(within: .seconds(15))
        #expect(end.code != 0 && end.errors.contains(cause), "\(end.errors)")
    }
}
