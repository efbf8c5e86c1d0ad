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
    /// Thousandths of a processor that its process may use at a time, which only a control group can keep; `nil` is no limit.
    package var milliCPUs: Int?
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

    /// Those that a control group can keep.
    var controllers: CgroupControllers {
        var wanted: CgroupControllers = []
        if memory != nil { wanted.insert(.memory) }
        if milliCPUs != nil { wanted.insert(.cpu) }
        if let processes, processes > 0 { wanted.insert(.pids) }
        return wanted
    }

    /// What is not the default and what keeps it, for lists and reports: "descriptors 1024 (RLIMIT_NOFILE)".
    func description(_ cgroup: CgroupState) -> [String] {
        func kept(_ text: String, _ keepers: String..., by controller: CgroupControllers = [], _ file: String = "") -> String {
            let all = keepers + (!controller.isEmpty && cgroup.limits.contains(controller) ? ["cgroup \(file)"] : [])
            return text + (all.isEmpty ? " (not in force)" : " (\(all.joined(separator: ", ")))")
        }
        var words: [String] = []
        if let memory { words.append(kept("memory \(memory) bytes", "watched", "RLIMIT_DATA", by: .memory, "memory.max")) }
        if let milliCPUs { words.append(kept("CPUs \(Double(milliCPUs) / 1000)", by: .cpu, "cpu.max")) }
        if let cpuSeconds { words.append(kept("CPU \(cpuSeconds) s", "RLIMIT_CPU")) }
        words.append(kept("descriptors \(descriptors ?? Int(OCTAVO_DESCRIPTORS))", "watched", "RLIMIT_NOFILE"))
        if let processes {
            words.append(
                processes == 0
                    ? kept("processes 0", "seccomp") : kept("processes \(processes)", "RLIMIT_NPROC", by: .pids, "pids.max"))
        }
        if profile != .none { words.append("seccomp \(profile.rawValue)") }
        if !hasNetwork { words.append("no network") }
        if !watchesHangs { words.append("may hang") }
        if cgroup.isPlaced { words.append("a cgroup of its own") }
        if !cgroup.cause.isEmpty { words.append("\(cgroup.isPlaced ? "not all by cgroup" : "no cgroup"): \(cgroup.cause)") }
        return words
    }

    /// Calls `body` with the form that the C side copies.
    func withRaw<Result>(in cgroup: CgroupPlace?, _ body: (UnsafePointer<octavo_limits>) -> Result) -> Result {
        var raw = octavo_limits()
        raw.memory = UInt64(memory ?? 0)
        raw.millicpus = UInt32(clamping: milliCPUs ?? 0)
        raw.cgroup_controllers = UInt32(cgroup?.controllers.rawValue ?? 0)
        let folder = cgroup.flatMap { strdup($0.folder) }
        defer { if let folder { free(folder) } }
        raw.cgroup = folder.flatMap { UnsafePointer($0) }
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
