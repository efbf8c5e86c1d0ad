import Glibc
import NIOCore
import Testing

@testable import Transport

/// Clients that others wrote.
@Suite("Foreign clients") struct ToolTests {
    @Test(
        "curl, over every version of plain text",
        arguments: ["--http1.0", "--http1.1", "--http2", "--http2-prior-knowledge"])
    func curl(version: String) async throws {
        let folder = try TemporaryFolder()
        let body = folder.write("body", [UInt8](repeating: 0x65, count: 2_000_000))
        try await TestServer.run { server in
            let base = "http://127.0.0.1:\(server.port)"
            let got = folder.file("got")
            let large = try await Command.run(
                "curl", "-sS", version, "--data-binary", "@" + body, "-o", got, "-w", "%{http_code} %{size_download}",
                base + "/x?y=%20")
            #expect(large.output == "200 2000000")
            let streamed = try await Command.run(
                "curl", "-sS", version, "--data-binary", "@" + body, "-o", got, "-w", "%{http_code} %{size_download}",
                base + "/stream")
            #expect(streamed.output == "200 2000000")
            let head = try await Command.run("curl", "-sS", version, "-I", "-w", "%{http_code}", base + "/large")
            #expect(head.output.contains("300000") && head.output.hasSuffix("200"))
            // curl 7.88 can't use a connection with prior knowledge twice, whatever the server.
            guard version != "--http2-prior-knowledge" else { return }
            let twice = try await Command.run("curl", "-sS", version, base + "/parts", base + "/later")
            #expect(twice.output == "one,twolater")
        }
    }

    @Test("nghttp reads a gRPC answer with its trailers")
    func nghttp() async throws {
        let folder = try TemporaryFolder()
        let message = folder.write("message", [0, 0, 0, 0, 2, 0x68, 0x69])
        try await TestServer.run { server in
            let result = try await Command.run(
                "nghttp", "-v", "-d", message, "-H", "content-type: application/grpc", "-H", "te: trailers",
                "http://127.0.0.1:\(server.port)/test.Test/Echo")
            #expect(result.output.contains("grpc-status: 0"))
        }
    }

    @Test("h2load gets an answer to each of many requests, and nothing stays open", arguments: ["Echo", "Later"])
    func h2load(method: String) async throws {
        let folder = try TemporaryFolder()
        let message = folder.write("message", [0, 0, 0, 0, 2, 0x68, 0x69])
        try await TestServer.run(loops: 2) { server in
            let output = try await Command.run(
                "h2load", "-c8", "-m32", "-n", "20000", "-d", message, "-H", "content-type: application/grpc", "-H",
                "te: trailers", "http://127.0.0.1:\(server.port)/test.Test/\(method)"
            ).output
            #expect(output.contains("20000 succeeded"))
            #expect(try await server.eventually { $0.openConnections == 0 && $0.openStreams == 0 })
            #expect(await server.server.statistics().calls == 20_000)
        }
    }

    /// The interpreter with grpcio that `tools/setup test` makes.
    private static let python = String(#filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 })
        + "/.build-python/bin/python3"

    @Test("grpcio, in every shape of call", .enabled(if: access(python, X_OK) == 0, "tools/setup test installs it"))
    func grpcio() async throws {
        try await TestServer.run(loops: 2) { server in
            let script = String(#filePath.split(separator: "/").dropLast(1).reduce("") { $0 + "/" + $1 }) + "/python/streams.py"
            let result = try await Command.run("env", Self.python, "-B", script, "\(server.port)")
            #expect(result.status == 0 && result.output.hasSuffix("every shape of call works\n"), "\(result.output)")
            #expect(try await server.eventually { $0.openConnections == 0 && $0.openStreams == 0 })
        }
    }

    @Test("h2load over HTTP/1.1")
    func h2loadHTTP1() async throws {
        try await TestServer.run { server in
            let output = try await Command.run(
                "h2load", "--h1", "-c8", "-n", "4000", "http://127.0.0.1:\(server.port)/parts"
            ).output
            #expect(output.contains("4000 succeeded"))
        }
    }
}
