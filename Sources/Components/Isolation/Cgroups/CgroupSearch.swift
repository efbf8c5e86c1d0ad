import Glibc

/// Finds the folder in which groups of helper processes can be made, or says why there is none.
struct CgroupSearch {
    let system: CgroupSystem

    init(_ system: CgroupSystem = .real) { self.system = system }

    /// Why there are no groups: one sentence without an end.
    struct Failure: Error, Equatable, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// `wanted`: the controllers of limits that the process has.
    func place(_ setting: CgroupSetting, wanted: CgroupControllers) throws(Failure) -> CgroupPlace {
        switch setting {
        case .off: throw Failure("spec.isolation.cgroup is off")
        case .folder(let path): return try delegated(path, wanted)
        case .auto: return try own(wanted)
        }
    }

    /// Nothing is changed for it, so it is of use only where groups below the runtime's own have the controllers already.
    private func own(_ wanted: CgroupControllers) throws(Failure) -> CgroupPlace {
        guard let group = system.read("/proc/self/cgroup").flatMap(CgroupPaths.own) else {
            throw Failure("this system has no control groups of version 2")
        }
        guard let mounts = system.read("/proc/self/mountinfo"), let folder = CgroupPaths.folder(of: group, mounts: mounts) else {
            throw Failure("no mounted cgroup2 file system shows the runtime's own group, \(group)")
        }
        let (passed, has) = try controllers(folder)
        let missing = wanted.subtracting(passed)
        if !wanted.isDisjoint(with: passed) {
            try checkWritable(folder)
            return CgroupPlace(folder: folder, controllers: passed, cause: missing.isEmpty ? "" : absent(missing, of: folder, has))
        }
        throw Failure(absent(missing, of: folder, has))
    }

    private func delegated(_ folder: String, _ wanted: CgroupControllers) throws(Failure) -> CgroupPlace {
        guard system.isGroup(folder) else { throw Failure("\(folder), which spec.isolation.cgroup names, is no folder of a cgroup2 file system") }
        try checkWritable(folder)
        var (passed, has) = try controllers(folder)
        var cause = ""
        for (name, controller) in CgroupControllers.all where wanted.subtracting(passed).contains(controller) {
            guard has.contains(controller) else {
                if cause.isEmpty { cause = absent(controller, of: folder, has) }
                continue
            }
            switch system.write(folder + "/cgroup.subtree_control", "+" + name) {
            case 0: passed.insert(controller)
            case EBUSY: cause = "\(folder) can't pass controller \(name) on while there are processes in it: name a folder without any"
            case let error: cause = "\(folder) can't pass controller \(name) on: \(systemError(error))"
            }
        }
        return CgroupPlace(folder: folder, controllers: passed, cause: cause)
    }

    /// What groups in the folder have, and what it has itself.
    private func controllers(_ folder: String) throws(Failure) -> (passed: CgroupControllers, has: CgroupControllers) {
        guard let has = system.read(folder + "/cgroup.controllers"), let passed = system.read(folder + "/cgroup.subtree_control") else {
            throw Failure("\(folder)/cgroup.controllers can't be read")
        }
        // The root has no such file; a threaded group has no children with memory limits.
        if let type = system.read(folder + "/cgroup.type"), type.split(separator: "\n").first != "domain" {
            throw Failure("\(folder) is a threaded control group, which takes no processes apart")
        }
        return (CgroupControllers(names: passed), CgroupControllers(names: has))
    }

    private func checkWritable(_ folder: String) throws(Failure) {
        guard system.isWritable(folder), system.isWritable(folder + "/cgroup.procs") else {
            throw Failure("user \(geteuid()) may not make groups in \(folder); delegate it to that user")
        }
    }

    private func absent(_ missing: CgroupControllers, of folder: String, _ has: CgroupControllers) -> String {
        let lacking = missing.subtracting(has)
        if !lacking.isEmpty { return "\(folder) does not have the controllers \(lacking.names.joined(separator: ", "))" }
        return "\(folder) does not pass the controllers \(missing.names.joined(separator: ", ")) on to groups below it, and can't while the "
            + "runtime is in it; delegate a folder and name it in spec.isolation.cgroup"
    }
}
