import Foundation
import Testing

@Suite("Certificates of the API", .enabled(if: Places.hasSDK, "tools/setup test installs Python"))
struct APICertificateTests {
    @Test("are changed under load without one request lost; whom nobody vouches for any more is cut off")
    func rotation() async throws {
        let scratch = try Scratch()
        let script = try Subprocess(Places.python, [Places.script("api_certificates"), scratch.file("")])
        try await eventually("there are certificates: \(script.errors)", within: .seconds(30)) { script.output.contains("ready") ? () : nil }
        let flags = ["--tls-cert", scratch.file("cert.pem"), "--tls-key", scratch.file("key.pem"), "--tls-client-ca", scratch.file("ca.pem")]
        try await OctavoProcess.with(flags: flags) { octavo in
            try scratch.write("127.0.0.1:\(octavo.http)\n", to: "address")
            let end = try await script.ended(within: .seconds(240))
            #expect(end.code == 0, "\(end.output)\n\(end.errors)")
            #expect(octavo.process.errors.contains("changed certificates of the API are not used yet"))
            #expect(octavo.process.errors.contains("does not belong to the certificate"))
            let page = try await Subprocess.run("curl", ["-s", "http://127.0.0.1:\(octavo.metrics)/metrics"]).output
            #expect(page.contains("octavo_tls_certificate_changes_total 6"), "\(page.split(separator: "\n").filter { $0.contains("octavo_tls") })")
            print(end.output.suffix(60))
        }
    }
}
