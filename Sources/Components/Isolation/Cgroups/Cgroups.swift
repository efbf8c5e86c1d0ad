import COctavoIsolation

/// Whether helper processes get control groups of their own (cgroup v2).
package enum CgroupSetting: Sendable, Equatable {
    case off
    /// Below the runtime's own group, if that passes on what a limit needs and nothing has to be moved or changed for it.
    case auto
    /// Below this folder, which was delegated to the runtime: controllers that it has are passed on.
    case folder(String)
}

/// Controllers of control groups that keep limits of a process.
struct CgroupControllers: OptionSet, Sendable, Equatable {
    let rawValue: Int32
    static let memory = CgroupControllers(rawValue: OCTAVO_CGROUP_MEMORY)
    static let cpu = CgroupControllers(rawValue: OCTAVO_CGROUP_CPU)
    static let pids = CgroupControllers(rawValue: OCTAVO_CGROUP_PIDS)

    static let all: [(name: String, controller: CgroupControllers)] = [("memory", .memory), ("cpu", .cpu), ("pids", .pids)]

    /// Of a file such as `cgroup.controllers`: names between spaces.
    init(names text: String) {
        let words = text.split { $0 == " " || $0 == "\n" }
        self.init(CgroupControllers.all.filter { one in words.contains { $0 == one.name } }.map(\.controller))
    }

    init(rawValue: Int32) { self.rawValue = rawValue }

    var names: [String] { CgroupControllers.all.filter { contains($0.controller) }.map(\.name) }
}

/// Where groups of helper processes go.
struct CgroupPlace: Sendable, Equatable {
    var folder: String
    /// Those that groups in there have.
    var controllers: CgroupControllers
    /// Why they don't have others that are wanted; empty when they have all.
    var cause = ""
}

/// What keeps a process's limits besides the runtime itself and its resource limits.
struct CgroupState: Sendable, Equatable {
    /// The limits that are in force.
    var limits: CgroupControllers = []
    /// It has a group, with or without limits.
    var isPlaced = false
    /// Why not all limits that could be are; empty when there is nothing to say.
    var cause = ""
}
