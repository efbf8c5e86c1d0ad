import COctavoHost
import Components
import Glibc

/// The app that the runtime starts beside itself.
final class AppProcess: Sendable {
    let processID: pid_t

    struct Failure: Error, CustomStringConvertible { let description: String }

    /// Starts the command with `environment` over our own. Signals are as by default in the app.
    init(command: [String], environment: [(String, String)]) throws(Failure) {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigfillset(&defaults)
        var mask = sigset_t()
        sigemptyset(&mask)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        var variables = AppProcess.inherited()
        for (name, value) in environment { variables[name] = value }
        var arguments = command.map { strdup($0) } + [nil]
        var entries = variables.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for text in arguments { free(text) }
            for text in entries { free(text) }
        }
        var process: pid_t = 0
        let failed = posix_spawnp(&process, command[0], nil, &attributes, &arguments, &entries)
        guard failed == 0 else {
            throw Failure(
                description: "the app \(command[0]) can't be started: \(systemError(failed)); check the command after --")
        }
        processID = process
    }

    private static func inherited() -> [String: String] {
        var found: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return found
    }

    func signal(_ number: Int32) { kill(processID, number) }

    /// The exit code; 128 and the signal's number when a signal ended it, as shells have it.
    func wait() async -> Int32 {
        await withCheckedContinuation { continuation in
            let wait = Unmanaged.passRetained(Wait(processID, continuation))
            let failed = octavo_thread_detached(
                "oct-app",
                { Unmanaged<Wait>.fromOpaque($0.unsafelyUnwrapped).takeRetainedValue().run() }, wait.toOpaque())
            if failed != 0 { wait.takeRetainedValue().run() }
        }
    }

    private final class Wait {
        let process: pid_t
        let continuation: CheckedContinuation<Int32, Never>

        init(_ process: pid_t, _ continuation: CheckedContinuation<Int32, Never>) {
            self.process = process
            self.continuation = continuation
        }

        func run() {
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            continuation.resume(returning: signal == 0 ? (status >> 8) & 0xff : 128 + signal)
        }
    }
}
