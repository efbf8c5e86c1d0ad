import Foundation
import JSONText
import Testing

/// A runtime in a process of its own, on ports the kernel chose, with a data folder of its own.
final class OctavoProcess: Sendable {
    let process: Subprocess
    let scratch: Scratch
    /// Where it runs, when that is not the network of the tests.
    let space: NetworkSpace?
    /// Where it listens, by purpose: `127.0.0.1:3500`, or the path of a Unix socket.
    let addresses: [String: String]

    var http: Int { port("http") }
    var grpc: Int { port("grpc") }
    var metrics: Int { port("metrics") }

    var base: String { "http://127.0.0.1:\(http)" }
    var adminSocket: String { scratch.file("admin") }

    /// Starts a runtime, and returns when it listens; with `untilReady`, when its components are ready, too.
    static func start(
        in scratch: Scratch? = nil, flags: [String] = [], environment: [String: String] = [:],
        command: [String] = [], untilReady: Bool = true, executable: String = Places.octavo, space: NetworkSpace? = nil
    ) async throws -> OctavoProcess {
        let scratch = try scratch ?? Scratch()
        let process = try launch(
            in: scratch, flags: flags, environment: environment, command: command, executable: executable, space: space)
        let status = try await eventually("the runtime's readiness\n" + process.errors, within: .seconds(30)) {
            () async throws -> JSONValue? in
            if let code = process.code { throw Trouble("octavo ended with \(code):\n\(process.errors)") }
            // The socket file is there before anybody asks, so that a poll costs no process.
            guard FileManager.default.fileExists(atPath: scratch.file("admin")) else { return nil }
            let answer = try await Subprocess.run(
                Places.octavo, ["status", "--json", "--admin-socket", scratch.file("admin")])
            guard answer.code == 0 || answer.code == 1 && !untilReady, !answer.output.isEmpty else { return nil }
            let status = try JSONValue(parsing: answer.output)
            // The admin socket is there before the others are.
            let purposes = (status["addresses"]?.array ?? []).compactMap { $0["purpose"]?.string }
            return Set(purposes).isSuperset(of: ["http", "grpc", "metrics"]) ? status : nil
        }
        return try OctavoProcess(process, scratch, space, status)
    }

    /// The process alone, for what ends by itself.
    static func launch(
        in scratch: Scratch, flags: [String] = [], environment: [String: String] = [:], command: [String] = [],
        executable: String = Places.octavo, space: NetworkSpace? = nil
    ) throws -> Subprocess {
        try Subprocess(
            space == nil ? executable : NetworkSpace.ip,
            (space?.words([executable]) ?? []) + [
                "run", "--app-id", "demo", "--dapr-http-port", "0", "--dapr-grpc-port", "0", "--metrics-port", "0",
                "--metrics-listen-address", "127.0.0.1", "--data-dir", scratch.file("data"),
                "--admin-socket", scratch.file("admin"),
            ] + flags + (command.isEmpty ? [] : ["--"] + command), environment: environment, keeping: scratch)
    }

    private init(_ process: Subprocess, _ scratch: Scratch, _ space: NetworkSpace?, _ status: JSONValue) throws {
        self.space = space
        self.process = process
        self.scratch = scratch
        addresses = Dictionary(
            uniqueKeysWithValues: (status["addresses"]?.array ?? []).compactMap { one in
                one["purpose"]?.string.flatMap { purpose in one["address"]?.string.map { (purpose, $0) } }
            })
        for purpose in ["http", "grpc", "metrics"] where addresses[purpose] == nil {
            throw Trouble("octavo status names no \(purpose) address: \(status)")
        }
    }

    /// The port of a TCP listener; 0 for a Unix socket.
    private func port(_ purpose: String) -> Int {
        addresses[purpose]?.split(separator: ":").last.flatMap { Int($0) } ?? 0
    }

    /// Ends the runtime as an operator does.
    func stop() async throws {
        process.kill(SIGTERM)
        let end = try await process.ended(within: .seconds(15))
        #expect(end.code == 0, "octavo did not stop cleanly:\n\(end.errors)")
        #expect(!FileManager.default.fileExists(atPath: adminSocket), "the admin socket stayed behind")
    }

    /// Ends the runtime as a power cut does.
    func killed() async throws {
        process.kill(SIGKILL)
        _ = try await process.ended()
    }

    /// A command against this runtime.
    func octavo(_ arguments: String..., input: String? = nil) async throws -> Subprocess.Result {
        try await Subprocess.run(Places.octavo, arguments + ["--admin-socket", adminSocket], input: input)
    }

    /// A command with `--json` against this runtime: its exit code and document.
    func json(_ arguments: String...) async throws -> JSONValue {
        let answer = try await Subprocess.run(
            Places.octavo, arguments + ["--json", "--admin-socket", adminSocket])
        guard answer.code == 0 else {
            throw Trouble("octavo \(arguments.joined(separator: " ")) gave \(answer.code): \(answer.errors)")
        }
        return try JSONValue(parsing: answer.output)
    }

    /// Runs `body` with a runtime and stops it after. What the runtime wrote is shown when the body throws.
    static func with<Value>(
        in scratch: Scratch? = nil, flags: [String] = [], environment: [String: String] = [:],
        untilReady: Bool = true, executable: String = Places.octavo, space: NetworkSpace? = nil, _ body: (OctavoProcess) async throws -> Value
    ) async throws -> Value {
        let octavo = try await start(
            in: scratch, flags: flags, environment: environment, untilReady: untilReady, executable: executable, space: space)
        do {
            let value = try await body(octavo)
            try await octavo.stop()
            return value
        } catch {
            let code = octavo.process.code
            throw Trouble(
                "\(error)\n--- octavo (\(code.map { "ended with \($0)" } ?? "running")) wrote:\n"
                    + octavo.process.errors.suffix(4000))
        }
    }

    /// Log lines that tell of a component's replacement.
    func replacements(of component: String) -> Int {
        process.errors.split(separator: "\n").count { $0.contains("component replaced") && $0.contains("component=\(component) ") }
    }
}
