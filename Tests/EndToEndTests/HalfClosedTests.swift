import Foundation
import Testing

@Suite("Clients that close half of a connection", .enabled(if: Places.hasSDK, "tools/setup test installs Python"))
struct HalfClosedTests {
    @Test("whoever says no more after its requests gets its answers; whoever has gone cancels its call", arguments: [false, true])
    func clients(isSecure: Bool) async throws {
        let scratch = try Scratch()
        let script = try Subprocess(Places.python, [Places.script("half_closed"), scratch.file("address")] + (isSecure ? ["tls"] : []))
        let port = try await eventually("the app listens: \(script.errors)", within: .seconds(20)) {
            script.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        let certificates = isSecure ? try await Certificates() : nil
        let tls = certificates.map { ["--tls-cert", $0.server, "--tls-key", $0.serverKey] } ?? []
        try await OctavoProcess.with(flags: ["--app-port", "\(port)"] + tls) { octavo in
            try scratch.write("127.0.0.1:\(octavo.http)\n", to: "address")
            let end = try await script.ended(within: .seconds(120))
            #expect(end.code == 0, "\(end.output)\n\(end.errors)")
        }
    }
}
