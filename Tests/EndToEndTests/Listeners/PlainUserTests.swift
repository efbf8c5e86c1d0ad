import Foundation
import Testing

@Suite("A runtime without rights of an administrator")
struct PlainUserTests {
    @Test("serves TCP as any other does, HTTP and gRPC")
    func serves() async throws {
        let scratch = try Scratch()
        let drop = geteuid() == 0 ? "setpriv --inh-caps=-all --bounding-set=-all " : ""
        let program = try scratch.write("#!/bin/sh\nexec \(drop)\(Places.octavo) \"$@\"\n", to: "octavo")
        chmod(program, 0o700)
        try await OctavoProcess.with(in: scratch, executable: program) { octavo in
            let health = try await Curl(path: "/v1.0/healthz").send(to: octavo.base)
            #expect(health.status == 204, "\(health)")
            // What listens for gRPC speaks HTTP/2.
            let other = try await Curl(path: "/").send(to: "http://127.0.0.1:\(octavo.grpc)", .http2)
            #expect(other.version.hasPrefix("HTTP/2"), "\(other)")
        }
    }
}
