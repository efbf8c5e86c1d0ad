import Glibc
import Testing

@testable import Components

/// A folder of a cgroup2 file system that tests may use; ends with them.
final class CgroupFolder: Sendable {
    let path: String
    let controllers: CgroupControllers

    /// `nil` where that may not be; then `why`.
    static let why: String? = {
        do { _ = try CgroupFolder() } catch { return "\(error)" }
        return nil
    }()
    static var isThere: Bool {
        if let why { print("control groups can't be tried for real here: \(why)") }
        return why == nil
    }
    /// Whether memory can be limited by them.
    static let limitsMemory = (try? CgroupFolder())?.controllers.contains(.memory) == true

    struct Trouble: Error { let cause: String }

    init() throws {
        let system = CgroupSystem.real
        guard let mounts = system.read("/proc/self/mountinfo"), let root = CgroupPaths.folder(of: "/", mounts: mounts) else {
            throw Trouble(cause: "no cgroup2 file system is mounted")
        }
        var template = Array("\(root)/octavo-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Trouble(cause: "\(root): \(systemError(errno))") }
        path = String(cString: made)
        controllers = CgroupControllers(names: system.read(path + "/cgroup.controllers") ?? "")
    }

    deinit { rmdir(path) }

    /// Groups in it.
    var groups: [String] { (listFolder(path) ?? []).filter { $0.hasPrefix("octavo-") } }
}

@Suite("A control group of a helper process", .serialized)
struct CgroupTests {
    private func with(
        _ folder: CgroupFolder, _ limits: (inout HelperLimits) -> Void = { _ in }, _ body: (Harness) async throws -> Void
    ) async throws {
        var isolation = PluginIsolation()
        isolation.mode = .process
        limits(&isolation.limits)
        try await Harness.with(
            plugins: [Fixtures.testsOnly()],
            isolation: {
                $0.settings["tests-only"] = isolation
                $0.cgroup = .folder(folder.path)
            }
        ) { (it: Harness) async throws -> Void in
            try await it.add("sick", FaultTests.types[0])
            try #require(await it.reaches("sick", "ready"))
            try await body(it)
        }
    }

    private func pid(_ it: Harness) async throws -> Int32 { try #require(try await it.get("sick", "pid").flatMap { Int32($0) }) }

    private func group(of pid: Int32) -> String? {
        CgroupSystem.real.read("/proc/\(pid)/cgroup").flatMap(CgroupPaths.own)?.split(separator: "/").last.map(String.init)
    }

    @Test("holds it before its plugin is loaded, ends with it, and takes along what it has started", .enabled(if: CgroupFolder.isThere))
    func life() async throws {
        let folder = try CgroupFolder()
        try await with(folder) { (it: Harness) async throws -> Void in
            let before = try await pid(it)
            let first = try #require(group(of: before))
            #expect(folder.groups == [first])
            // Threads that the plugin's constructors might have made would be elsewhere.
            #expect(Set(CgroupSystem.real.read("\(folder.path)/\(first)/cgroup.procs")!.split(separator: "\n")) == ["\(before)"])
            let limits = await it.store.pluginFacts().first?.isolation?.limits ?? []
            #expect(limits.contains("a cgroup of its own"), "\(limits)")
            // Processes that outlive it otherwise.
            var children: [Int32] = []
            for _ in 0..<20 { children.append(try #require(try await it.get("sick", "leave").flatMap { Int32($0) })) }
            for child in children {
                let place = group(of: child)
                #expect(child > 0 && !isGone(child) && place == first)
            }
            kill(before, SIGKILL)
            let left = children
            #expect(await eventually { left.allSatisfy(isGone) })
            #expect(await eventually { folder.groups.count == 1 && folder.groups != [first] })
            let after = try await pid(it)
            #expect(after != before && group(of: after) == folder.groups.first)
        }
        #expect(folder.groups == [])
    }

    @Test("that can't be had costs nothing but its limits, and lists say why", .enabled(if: CgroupFolder.isThere && !CgroupFolder.limitsMemory))
    func without() async throws {
        let folder = try CgroupFolder()
        try await with(folder, {
            $0.memory = 64 << 20
            $0.milliCPUs = 500
        }) { (it: Harness) async throws -> Void in
            let limits = await it.store.pluginFacts().first?.isolation?.limits ?? []
            #expect(limits.contains("memory 67108864 bytes (watched, RLIMIT_DATA)"), "\(limits)")
            #expect(limits.contains("CPUs 0.5 (not in force)"))
            #expect(limits.contains("not all by cgroup: \(folder.path) does not have the controllers memory"), "\(limits)")
            #expect(it.log.all.contains { $0.hasPrefix("warning") && $0.contains("limit of CPUs") && $0.contains("does not have") })
            // The runtime's own look is in force.
            _ = try? await it.get("sick", "memory")
            #expect(await eventually { it.crashes.withLockedValue { $0.first?.cause.hasPrefix("memory: ") == true } })
        }
        #expect(folder.groups == [])
    }

    @Test("keeps memory, processors and processes within limits", .enabled(if: CgroupFolder.isThere && CgroupFolder.limitsMemory))
    func limits() async throws {
        let folder = try CgroupFolder()
        try await with(folder, {
            $0.memory = 64 << 20
            $0.milliCPUs = 500
            $0.processes = 40
        }) { (it: Harness) async throws -> Void in
            let limits = await it.store.pluginFacts().first?.isolation?.limits ?? []
            let group = folder.path + "/" + (folder.groups.first ?? "")
            for (name, file, value) in [("memory", "memory.max", nil), ("cpu", "cpu.max", "50000 100000\n"), ("pids", "pids.max", "40\n")] as [(String, String, String?)]
            where folder.controllers.names.contains(name) {
                #expect(limits.contains { $0.contains("cgroup \(file)") }, "\(limits)")
                if let value { #expect(CgroupSystem.real.read("\(group)/\(file)") == value) }
            }
            _ = try? await it.get("sick", "memory")
            #expect(await eventually { it.crashes.withLockedValue { $0.first?.cause.hasPrefix("memory: ") == true } })
        }
        #expect(folder.groups == [])
    }

    @Test("of a runtime that was killed is removed by the next", .enabled(if: CgroupFolder.isThere))
    func abandoned() throws {
        let folder = try CgroupFolder()
        var process = pid_t()
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
        #expect(posix_spawnp(&process, "true", nil, nil, &arguments, environ) == 0)
        free(arguments[0])
        waitpid(process, nil, 0)
        let own = "\(folder.path)/octavo-\(getpid())-9", dead = "\(folder.path)/octavo-\(process)-1", other = folder.path + "/somebody"
        for path in [own, dead, other] { #expect(mkdir(path, 0o755) == 0) }
        CgroupSystem.removeAbandoned(in: folder.path)
        #expect(access(dead, F_OK) != 0 && access(own, F_OK) == 0 && access(other, F_OK) == 0)
        for path in [own, other] { rmdir(path) }
    }

    @Test("that is named and is none is warned of, and the plugin runs without")
    func wrongFolder() async throws {
        var isolation = PluginIsolation()
        isolation.mode = .process
        isolation.limits.memory = 64 << 20
        try await Harness.with(plugins: [Fixtures.testsOnly()], isolation: {
            $0.settings["tests-only"] = isolation
            $0.cgroup = .folder("/tmp")
        }) { (it: Harness) async throws -> Void in
            try await it.add("sick", FaultTests.types[0])
            try #require(await it.reaches("sick", "ready"))
            let limits = await it.store.pluginFacts().first?.isolation?.limits ?? []
            #expect(limits.contains { $0.hasPrefix("no cgroup: /tmp, which spec.isolation.cgroup names") }, "\(limits)")
            #expect(it.log.all.contains { $0.hasPrefix("warning") && $0.contains("/tmp") })
        }
    }
}

/// It is no more, or only waits to be collected.
@Sendable private func isGone(_ process: Int32) -> Bool {
    guard let text = CgroupSystem.real.read("/proc/\(process)/stat") else { return true }
    return text.split(separator: ")").last?.split(separator: " ").first == "Z"
}
