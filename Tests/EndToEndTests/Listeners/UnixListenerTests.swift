import Foundation
import Testing

@Suite("The API on Unix sockets", .serialized)
struct UnixListenerTests {
    @Test("answers curl over HTTP/1.1 and HTTP/2, and leaves no socket behind", arguments: ["--http1.1", "--http2-prior-knowledge"])
    func curl(version: String) async throws {
        let scratch = try Scratch()
        let path = scratch.file("dapr-demo-http.socket")
        try await OctavoProcess.with(in: scratch, flags: ["--unix-domain-socket", scratch.path]) { octavo in
            #expect(octavo.addresses["http"] == path && octavo.addresses["grpc"] == scratch.file("dapr-demo-grpc.socket"))
            #expect(octavo.http == 0 && octavo.grpc == 0)
            func send(_ arguments: [String]) async throws -> Subprocess.Result {
                try await Subprocess.run("curl", ["-sS", version, "--fail-with-body", "--max-time", "10", "--unix-socket", path] + arguments)
            }
            let save = try await send(["-d", #"[{"key":"a","value":{"b":1}}]"#, "http://octavo/v1.0/state/statestore"])
            #expect(save.code == 0 && save.output.isEmpty, "\(save)")
            #expect(try await send(["http://octavo/v1.0/state/statestore/a"]).output == #"{"b":1}"#)
        }
        for purpose in ["http", "grpc"] {
            #expect(!FileManager.default.fileExists(atPath: scratch.file("dapr-demo-\(purpose).socket")))
        }
    }

    @Test("answers gRPC's own client", .enabled(if: Places.hasSDK, "tools/setup test installs them"))
    func clients() async throws {
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: ["--unix-domain-socket", scratch.path]) { octavo in
            let end = try await Subprocess.run(
                Places.python, [Places.script("secure"), "unix:" + scratch.file("dapr-demo-grpc.socket")],
                environment: ["PYTHONDONTWRITEBYTECODE": "1"])
            #expect(end.code == 0, "\(end.output)\(end.errors)")
        }
    }

    @Test("with TLS speaks TLS there, too")
    func tls() async throws {
        let files = try await Certificates()
        let scratch = try Scratch()
        let flags = ["--unix-domain-socket", scratch.path, "--tls-cert", files.server, "--tls-key", files.serverKey]
        try await OctavoProcess.with(in: scratch, flags: flags) { octavo in
            let socket = ["--unix-socket", scratch.file("dapr-demo-http.socket"), "--max-time", "10"]
            let end = try await Subprocess.run(
                "curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", files.authority] + socket + ["https://localhost/v1.0/healthz"])
            #expect(end.output == "204", "\(end)")
            #expect(try await Subprocess.run("curl", ["-sS"] + socket + ["http://localhost/v1.0/healthz"]).code != 0)
        }
    }

    @Test("takes the place of a dead runtime's socket, and never of a living one's")
    func stale() async throws {
        let sockets = try Scratch()
        let flags = ["--unix-domain-socket", sockets.path]
        let first = try await OctavoProcess.start(flags: flags)
        let second = try await OctavoProcess.launch(in: try Scratch(), flags: flags).ended()
        #expect(second.code == 1 && second.errors.contains("another process listens there"), "\(second.errors)")
        try await first.killed()
        #expect(FileManager.default.fileExists(atPath: sockets.file("dapr-demo-http.socket")))
        try await OctavoProcess.with(flags: flags) { _ in }
    }

    @Test("that can't be made are told with the cause and what to do", arguments: [
        ("/no/such/folder", "No such file or directory. Make the folder, or choose another."),
        ("/tmp/" + String(repeating: "x", count: 120), "more than the 107 of a Unix socket. Choose a shorter folder."),
    ])
    func refused(folder: String, says: String) async throws {
        let end = try await OctavoProcess.launch(in: try Scratch(), flags: ["--unix-domain-socket", folder]).ended()
        #expect(end.code == 1)
        #expect(end.errors.contains("Can't listen on unix:\(folder)/dapr-demo-http.socket") && end.errors.contains(says), "\(end.errors)")
    }
}
