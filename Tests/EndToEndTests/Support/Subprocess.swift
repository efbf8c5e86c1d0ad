import Foundation

/// A program that the test started: its outputs are files of its own scratch folder. Killed with its owner.
final class Subprocess: Sendable {
    let processID: pid_t
    private let scratch: Scratch
    private let kept: Scratch?
    private let exit = Exit()

    /// Starts `executable` with `input` as its standard input and `environment` as the environment, besides
    /// PATH, HOME and LANG. `folder` is kept for as long as the process may use it.
    init(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil,
        keeping folder: Scratch? = nil
    ) throws {
        kept = folder
        let scratch = try Scratch()
        self.scratch = scratch
        let inputPath = try input.map { try scratch.write($0, to: "input") } ?? "/dev/null"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, inputPath, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, scratch.file("output"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, scratch.file("errors"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = sigset_t()
        sigemptyset(&mask)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var all = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": scratch.path, "LANG": "C.UTF-8"]
        all.merge(environment) { $1 }
        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        var envp = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var process = pid_t()
        var failed = posix_spawnp(&process, executable, &actions, &attributes, &argv, &envp)
        // A script of this test's: a process that another test was starting holds the file open until it is a program.
        for _ in 0..<100 where failed == ETXTBSY {
            usleep(10_000)
            failed = posix_spawnp(&process, executable, &actions, &attributes, &argv, &envp)
        }
        guard failed == 0 else { throw Trouble("\(executable) can't be run: \(String(cString: strerror(failed)))") }
        processID = process
    }

    deinit {
        kill(SIGKILL)
        _ = exit.collect(processID, blocking: true)
    }

    var output: String { scratch.read("output") }
    var errors: String { scratch.read("errors") }

    /// Signals the process unless it ended: its id may be another's by then.
    func kill(_ signal: Int32) { exit.ifRunning { _ = Glibc.kill(processID, signal) } }

    /// The exit code, or 128 and the number of the signal that ended it; nil while it runs.
    var code: Int32? { exit.collect(processID, blocking: false) }

    /// Waits for the end. Past `limit` the process is killed and the test fails with both outputs.
    func ended(within limit: Duration = .seconds(30)) async throws -> Result {
        do {
            let code: Int32 = try await eventually("the end of process \(processID)", within: limit) { self.code }
            return Result(code: code, output: output, errors: errors)
        } catch {
            kill(SIGKILL)
            throw Trouble("\(error)\n\(output)\n\(errors)")
        }
    }

    struct Result: Sendable {
        var code: Int32
        var output: String
        var errors: String
    }

    /// Runs a program to its end.
    static func run(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil,
        within limit: Duration = .seconds(60)
    ) async throws -> Result {
        try await Subprocess(executable, arguments, environment: environment, input: input).ended(within: limit)
    }

    /// Collects the child once; later calls give the same code.
    private final class Exit: @unchecked Sendable {
        // `status` is read and written under `lock` alone.
        private let lock = NSLock()
        private var status: Int32?

        func ifRunning(_ body: () -> Void) {
            lock.withLock { if status == nil { body() } }
        }

        func collect(_ process: pid_t, blocking: Bool) -> Int32? {
            lock.withLock {
                if let status { return status }
                var raw: Int32 = 0
                var found: pid_t
                repeat { found = waitpid(process, &raw, blocking ? 0 : WNOHANG) } while found < 0 && errno == EINTR
                guard found == process else { return nil }
                status = raw & 0x7f == 0 ? raw >> 8 & 0xff : 128 + (raw & 0x7f)
                return status
            }
        }
    }
}
