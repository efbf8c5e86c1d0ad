import Foundation
import Testing

@Suite("A runtime without rights of an administrator")
struct PlainUserTests {
    @Test("serves TCP as any other does, HTTP and gRPC")
    func serves() async throws {
        let scratch = try Scratch()
        let drop = geteuid() == 0 ? "setpriv --inh-caps=-all --bounding-set=-all " : ""
        let program = scratch.file("octavo")
        // Written by a process of its own: a child that another test starts meanwhile would keep a file of ours open for writing, and
        // such a program can't be run (ETXTBSY).
        let written = try await Subprocess.run(
            "sh", ["-c", #"printf '%s' "$1" > "$2" && chmod 700 "$2""#, "sh", "#!/bin/sh\nexec \(drop)\(Places.octavo) \"$@\"\n", program])
        #expect(written.code == 0, "\(written.errors)")
        try await OctavoProcess.with(in: scratch, executable: program) { octavo in
            let health = try await Curl(path: "/v1.0/healthz").send(to: octavo.base)
            #expect(health.status == 204, "\(health)")
            // What listens for gRPC speaks HTTP/2.
            let other = try await Curl(path: "/").send(to: "http://127.0.0.1:\(octavo.grpc)", .http2)
            #expect(other.version.hasPrefix("HTTP/2"), "\(other)")
        }
    }
}
