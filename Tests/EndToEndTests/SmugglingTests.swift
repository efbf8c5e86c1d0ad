import Foundation
import Testing

@Suite("No request hides inside another", .enabled(if: Places.hasSDK, "tools/setup test installs Python"))
struct SmugglingTests {
    @Test("what can be read in two ways is refused, or reaches the app as exactly one request, over HTTP/1.1, HTTP/2 and between runtimes")
    func table() async throws {
        let scratch = try Scratch()
        let script = try Subprocess(Places.python, [Places.script("smuggling"), scratch.file("addresses")])
        let port = try await eventually("the app listens: \(script.errors)", within: .seconds(20)) {
            script.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        try await OctavoProcess.with(flags: ["--app-port", "\(port)"]) { octavo in
            let internalAddress = try #require(octavo.addresses["internal"])
            try scratch.write("127.0.0.1:\(octavo.http)\n\(internalAddress)\n", to: "addresses")
            let end = try await script.ended(within: .seconds(240))
            let bad = end.output.split(separator: "\n").filter { $0.hasPrefix("BAD") }
            #expect(end.code == 0 && bad.isEmpty, "\(bad.joined(separator: "\n"))\n\(end.errors)")
            #expect(end.output.split(separator: "\n").count { $0.hasPrefix("ok") } > 200)
        }
    }
}
