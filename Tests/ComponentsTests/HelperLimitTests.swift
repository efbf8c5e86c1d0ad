import COctavo
import Glibc
import Testing

@testable import Components

@Suite("The process of an isolated plugin has what the operator gives it, and no more", .serialized)
struct HelperLimitTests {
    private func with(
        type: String = FaultTests.types[0], _ settings: (inout PluginIsolation) -> Void, _ body: (Harness) async throws -> Void
    ) async throws {
        var isolation = PluginIsolation()
        isolation.mode = .process
        settings(&isolation)
        try await Harness.with(plugins: [Fixtures.testsOnly()], isolation: { $0.settings["tests-only"] = isolation }) { (it: Harness) async throws -> Void in
            try await it.add("sick", type)
            try #require(await it.reaches("sick", "ready"))
            try await body(it)
        }
    }

    private func pid(_ it: Harness) async throws -> Int32 {
        try #require(try await it.get("sick", "pid").flatMap { Int32($0) })
    }

    private func crash(_ it: Harness) async throws -> CrashFacts {
        try #require(await eventually { it.crashes.withLockedValue { !$0.isEmpty } })
        return try #require(it.crashes.withLockedValue { $0.first })
    }

    @Test("memory")
    func memory() async throws {
        try await with({ $0.limits.memory = 64 << 20 }) { (it: Harness) async throws -> Void in
            let before = try await pid(it)
            let error = await #expect(throws: CallError.self) { try await it.get("sick", "memory") }
            #expect(error?.reason == "PLUGIN_CRASHED")
            let after = try await pid(it)
            #expect(after != before)
            let crash = try await crash(it)
            #expect(crash.cause.hasPrefix("memory: "), "\(crash.cause)")
            #expect(crash.memory > 64 << 20)
        }
    }

    @Test("descriptors")
    func descriptors() async throws {
        try await with({ $0.limits.descriptors = 64 }) { (it: Harness) async throws -> Void in
            let before = try await pid(it)
            let leaked = try #require(try await it.get("sick", "descriptors").flatMap { Int($0) })
            #expect(leaked > 20 && leaked < 64)
            let crash = try await crash(it)
            #expect(crash.cause.hasPrefix("descriptors: "), "\(crash.cause)")
            #expect(crash.descriptors >= 60)
            let after = try await pid(it)
            #expect(after != before)
        }
    }

    @Test("processor time")
    func processorTime() async throws {
        try await with(type: FaultTests.types[2], { $0.limits.cpuSeconds = 1 }) { (it: Harness) async throws -> Void in
            let error = await #expect(throws: CallError.self) { try await it.get("sick", "endless") }
            #expect(error?.code == OCTAVO_CODE_UNAVAILABLE)
            let cause = try await crash(it).cause
            #expect(cause.contains("SIGXCPU"), "\(cause)")
            _ = try await pid(it)
        }
    }

    @Test("no processes of its own")
    func processes() async throws {
        try await with({ $0.limits.processes = 0 }) { (it: Harness) async throws -> Void in
            #expect(try await it.get("sick", "processes") == "0")
            #expect(try await it.get("sick", "try:fork") == "\(EPERM)")
            // Threads it may have: another instance starts.
            try await it.add("more", FaultTests.types[2])
            #expect(await it.reaches("more", "ready"))
        }
        try await with({ _ in }) { (it: Harness) async throws -> Void in #expect(try await it.get("sick", "processes") == "64") }
    }

    @Test("system calls", arguments: [
        (HelperLimits.Profile.none, ["try:fork": 0, "try:socket": 0, "try:internet": 0]),
        (.standard, ["try:ptrace": EPERM, "try:exec": EPERM, "try:fork": 0, "try:socket": 0, "try:internet": 0]),
        (.strict, ["try:ptrace": EPERM, "try:exec": EPERM, "try:fork": EPERM, "try:socket": EPERM, "try:internet": EPERM]),
    ])
    func profiles(profile: HelperLimits.Profile, expected: [String: Int32]) async throws {
        for type in FaultTests.types {
            try await with(type: type, { $0.limits.profile = profile }) { (it: Harness) async throws -> Void in
                for (key, number) in expected { #expect(try await it.get("sick", key) == "\(number)", "\(key)") }
                // What ends a process still ends it, with its report.
                _ = try? await it.get("sick", "abort")
                let signal = try await crash(it).signal
                #expect(signal == SIGABRT)
                _ = try await pid(it)
            }
        }
    }

    @Test("no network")
    func network() async throws {
        try await with({ $0.limits.hasNetwork = false }) { (it: Harness) async throws -> Void in
            #expect(try await it.get("sick", "try:internet") == "\(EACCES)")
            #expect(try await it.get("sick", "try:socket") == "0")
        }
    }

    @Test("the environment variables that are named, and none else")
    func environment() async throws {
        setenv("OCTAVO_TEST_SEEN", "yes", 1)
        setenv("OCTAVO_TEST_HIDDEN", "no", 1)
        try await with({ $0.limits.environment = ["OCTAVO_TEST_SEEN", "OCTAVO_TEST_MISSING"] }) { (it: Harness) async throws -> Void in
            #expect(try await it.get("sick", "env:OCTAVO_TEST_SEEN") == "yes")
            for name in ["OCTAVO_TEST_HIDDEN", "OCTAVO_TEST_MISSING", "PATH"] {
                #expect(try await it.get("sick", "env:\(name)") == "")
            }
        }
    }

    @Test("no limit to how long it thinks, if it is being debugged")
    func mayHang() async throws {
        try await with({ $0.limits.watchesHangs = false }) { (it: Harness) async throws -> Void in
            let before = try await pid(it)
            let error = await #expect(throws: CallError.self) { try await it.get("sick", "deadlock", timeout: .milliseconds(1500)) }
            #expect(error?.code == OCTAVO_CODE_DEADLINE_EXCEEDED)
            #expect(kill(before, 0) == 0 && it.crashes.withLockedValue { $0.isEmpty })
        }
    }

    @Test("a spare process, which takes over and is replaced")
    func spare() async throws {
        try await with({ $0.spares = 1 }) { (it: Harness) async throws -> Void in
            @Sendable func spares() async -> Int { await it.store.pluginFacts().first?.isolation?.spares ?? 0 }
            #expect(await eventually { await spares() == 1 })
            for _ in 0..<3 {
                let before = try await pid(it)
                kill(before, SIGKILL)
                #expect(await eventually { await it.store.pluginFacts().first?.isolation?.pid ?? 0 != before })
                let after = try await pid(it)
            #expect(after != before)
                #expect(await eventually { await spares() == 1 })
            }
        }
    }
}
