import Glibc

/// `octavo run` as a process of its own, with free ports and everything it keeps in a folder of the test's own.
final class RunningProgram {
    let folder: TemporaryFolder
    var socket: String { folder.path + "/admin.sock" }
    private let process: pid_t
    private let output: Int32
    private(set) var log = ""
    private var hasEnded = false

    /// Starts it and waits until it says that it is up.
    init(_ arguments: [String] = [], waitsFor line: String = "You're up and running!") throws {
        folder = try TemporaryFolder()
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Program.Failure(what: "no socket pair: \(errno)")
        }
        output = ends[0]
        let flags = [
            "run", "--data-dir", folder.path + "/data", "--admin-socket", folder.path + "/admin.sock",
            "--dapr-http-port", "0", "--dapr-grpc-port", "0", "--metrics-port", "0",
        ]
        process = try Program.spawn(Program.octavo, flags + arguments, output: ends[1])
        close(ends[1])
        try wait(for: line)
    }

    deinit {
        if !hasEnded {
            kill(process, SIGKILL)
            _ = try? end()
        }
        close(output)
        folder.remove()
    }

    /// Runs another command against this runtime.
    func command(_ arguments: String...) throws -> Program.Result {
        try Program.run(arguments + ["--admin-socket", socket])
    }

    /// Asks it to stop and returns its exit code.
    func stop() throws -> Int32 {
        kill(process, SIGTERM)
        return try end()
    }

    /// Waits for its end and returns its exit code.
    func end() throws -> Int32 {
        hasEnded = true
        return try Program.exitCode(of: process)
    }

    /// Reads the log until it holds `text`; gives up after half a minute, or when the log ends.
    private func wait(for text: String) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while !log.contains(text) {
            var request = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            _ = poll(&request, 1, 1_000)
            let count = request.revents == 0 ? -1 : read(output, &buffer, buffer.count)
            if count > 0 { log += String(decoding: buffer[..<count], as: UTF8.self) }
            guard count != 0, ContinuousClock.now < deadline else {
                throw Program.Failure(what: "the runtime never said \"\(text)\":\n\(log)")
            }
        }
    }
}
