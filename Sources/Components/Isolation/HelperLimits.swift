import COctavoIsolation
import Glibc

/// What the process of an isolated plugin may have.
package struct HelperLimits: Sendable, Equatable {
    /// Which system calls it may make.
    package enum Profile: String, Sendable, CaseIterable {
        /// All that its user may.
        case none
        /// No tracing, programs, mounts, modules, namespaces or keys.
        case standard
        /// … nor processes, sockets or writing files.
        case strict
    }

    /// Bytes of its own; `nil` is no limit.
    package var memory: Int?
    /// Seconds of processor time of one process; `nil` is no limit.
    package var cpuSeconds: Int?
    /// Open at a time; `nil` is 1,024.
    package var descriptors: Int?
    /// Processes and threads of the operating system's user; 0: it may start none; `nil` is no limit.
    package var processes: Int?
    package var profile = Profile.none
    /// Whether it may talk to other machines.
    package var hasNetwork = true
    /// Names of the environment variables that it sees.
    package var environment: [String] = []
    /// Whether a thread that does not come back ends the process.
    package var watchesHangs = true

    package init() {}

    /// What is not the default, for lists and reports: "memory 256 MiB".
    package var description: [String] {
        var words: [String] = []
        if let memory { words.append("memory \(memory) bytes") }
        if let cpuSeconds { words.append("CPU \(cpuSeconds) s") }
        words.append("descriptors \(descriptors ?? Int(OCTAVO_DESCRIPTORS))")
        if let processes { words.append("processes \(processes)") }
        if profile != .none { words.append("seccomp \(profile.rawValue)") }
        if !hasNetwork { words.append("no network") }
        if !watchesHangs { words.append("may hang") }
        return words
    }

    /// Calls `body` with the form that the C side copies.
    func withRaw<Result>(_ body: (UnsafePointer<octavo_limits>) -> Result) -> Result {
        var raw = octavo_limits()
        raw.memory = UInt64(memory ?? 0)
        raw.cpu_seconds = UInt64(cpuSeconds ?? 0)
        raw.descriptors = UInt32(clamping: descriptors ?? 0)
        raw.processes = processes.map { $0 == 0 ? -1 : Int32(clamping: $0) } ?? 0
        raw.seccomp =
            switch profile {
            case .none: OCTAVO_SECCOMP_NONE
            case .standard: OCTAVO_SECCOMP_STANDARD
            case .strict: OCTAVO_SECCOMP_STRICT
            }
        raw.no_network = hasNetwork ? 0 : 1
        raw.may_hang = watchesHangs ? 0 : 1
        let names = environment.map { strdup($0) }
        defer { for name in names { free(name) } }
        return names.map { UnsafePointer($0) }.withUnsafeBufferPointer { names in
            raw.environment = names.baseAddress
            raw.environment_count = UInt32(names.count)
            return body(&raw)
        }
    }
}
