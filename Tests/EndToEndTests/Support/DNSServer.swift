import Foundation

/// `python/servers/dns.py`, on a port of its own, with a table that can be changed.
final class DNSServer: Sendable {
    let port: Int
    private let scratch: Scratch
    private let process: Subprocess

    static func start(_ table: String) async throws -> DNSServer {
        let scratch = try Scratch()
        try scratch.write(table, to: "table")
        let process = try Subprocess(
            "python3", [Places.scripts + "/servers/dns.py", scratch.file("port"), "0", scratch.file("table")], keeping: scratch)
        let port = try await eventually("the DNS server: \(process.errors)", within: .seconds(30)) { Int(scratch.read("port")) }
        return DNSServer(port: port, scratch, process)
    }

    private init(port: Int, _ scratch: Scratch, _ process: Subprocess) {
        self.port = port
        self.scratch = scratch
        self.process = process
    }

    var address: String { "127.0.0.1:\(port)" }

    /// "name type" of each query so far.
    var queries: [String] { process.output.split(separator: "\n").map(String.init) }
    var errors: String { process.errors }

    /// Another table, from the next query on.
    func change(_ table: String) throws {
        try scratch.write(table, to: "new")
        rename(scratch.file("new"), scratch.file("table"))
    }

    func killed() async throws {
        process.kill(SIGKILL)
        _ = try await process.ended()
    }
}
