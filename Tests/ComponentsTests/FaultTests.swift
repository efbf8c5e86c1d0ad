import COctavo
import Glibc
import Testing

@testable import Components

/// One isolated plugin that misbehaves, and another that must not notice.
@Suite("An isolated plugin that misbehaves leaves the runtime healthy", .serialized)
struct FaultTests {
    static let types = ["state.tests-only", "state.tests-only-reactor", "state.tests-only-blocking"]

    private func with(
        _ type: String = types[0], isolation: (inout IsolationOptions) -> Void = { _ in }, _ body: (Harness) async throws -> Void
    ) async throws {
        try await Harness.with(plugins: [Fixtures.testsOnly(), Fixtures.store()], isolated: true, isolation: isolation) { it in
            try await it.add("sick", type)
            try await it.add("well")
            try #require(await it.reaches("sick", "ready"))
            try #require(await it.reaches("well", "ready"))
            let neighbour = try await it.get("well", "pid")
            try await body(it)
            // The neighbour has the process that it had.
            #expect(try await it.get("well", "pid") == neighbour)
        }
    }

    /// The plugin answers again, from another process; every call of before has an answer.
    private func isBack(_ it: Harness, from before: String?) async throws {
        let after = try await it.get("sick", "pid")
        #expect(after != nil && after != before)
        #expect(try await it.get("sick", "echo", loop: 1) == "echo")
        #expect(await eventually { await it.facts("sick")?.inFlight == 0 })
    }

    private func crash(_ it: Harness) async throws -> CrashFacts {
        try #require(await eventually { it.crashes.withLockedValue { !$0.isEmpty } })
        return try #require(it.crashes.withLockedValue { $0.first })
    }

    @Test("by dying of it", arguments: types, [
        ("segv", SIGSEGV), ("bus", SIGBUS), ("fpe", SIGFPE), ("ill", SIGILL), ("abort", SIGABRT), ("double-free", SIGABRT),
        ("stack", SIGSEGV), ("exit", 0),
    ])
    func dies(type: String, fault: (key: String, signal: Int32)) async throws {
        try await with(type) { it in
            let before = try await it.get("sick", "pid")
            let error = await #expect(throws: CallError.self) { try await it.get("sick", fault.key) }
            #expect(error?.code == OCTAVO_CODE_UNAVAILABLE && error?.reason == "PLUGIN_CRASHED")
            try await isBack(it, from: before)
            let crash = try await crash(it)
            #expect(crash.signal == fault.signal && (crash.signal != 0 || crash.exitCode == 3))
            #expect(crash.signal == 0 || crash.backtrace.contains { $0.contains("tests-only") || $0.contains("libc") })
            #expect(it.crashes.withLockedValue { $0.count } == 1)
            #expect(crash.component == "sick" && crash.operation == "get" && crash.requestBytes > 0)
            #expect(crash.processID > 0 && "\(crash.processID)" == before && crash.limits == ["descriptors 1024 (watched, RLIMIT_NOFILE)"])
            if fault.key == "segv" {
                #expect(crash.log == ["warning about to fail"])
                let isNamed = await eventually {
                    it.crashes.withLockedValue { $0[0].backtrace.contains { $0.contains("tests-only") && $0.contains(" signal_fault+0x") } }
                }
                #expect(isNamed)
            }
        }
    }

    @Test("by not coming back", arguments: [types[0], types[1]], ["deadlock", "endless"])
    func hangs(type: String, fault: String) async throws {
        try await with(type) { it in
            let before = try await it.get("sick", "pid")
            let began = monotonicNanoseconds()
            let error = await #expect(throws: CallError.self) { try await it.get("sick", fault) }
            let took = Double(monotonicNanoseconds() - began) / 1e9
            #expect(error?.code == OCTAVO_CODE_UNAVAILABLE && error?.reason == "PLUGIN_CRASHED")
            let limit = type == Self.types[0] ? 1.0 : 5.0
            // Time in which the process waits for a core is not counted, and there are other tests.
            #expect(took > limit - 0.2 && took < limit + 15, "after \(took) s")
            try await isBack(it, from: before)
            let crash = try await crash(it)
            #expect(crash.cause.contains("hang: "), "\(crash.cause)")
            // Where it hung.
            #expect(crash.backtrace.contains { $0.contains("tests-only") }, "\(crash.backtrace)")
        }
    }

    @Test("by a worker that does not come back: another takes its place, and only when none is left it is ended")
    func stuckWorkers() async throws {
        try await with(Self.types[2]) { it in
            let before = try await it.get("sick", "pid")
            // Both workers; their callers are told at their deadlines.
            for _ in 0..<2 {
                let error = await #expect(throws: CallError.self) { try await it.get("sick", "deadlock", timeout: .milliseconds(50)) }
                #expect(error?.code == OCTAVO_CODE_DEADLINE_EXCEEDED)
            }
            #expect(try await it.get("sick", "pid", timeout: .seconds(15)) == before)
            #expect(try await it.get("sick", "echo", timeout: .seconds(15)) == "echo")
            for _ in 0..<2 {
                await #expect(throws: CallError.self) { try await it.get("sick", "deadlock", timeout: .milliseconds(50)) }
            }
            try await isBack(it, from: before)
            let crash = try await crash(it)
            #expect(crash.cause.contains("all workers"), "\(crash.cause)")
        }
    }

    @Test("by being stopped")
    func stops() async throws {
        try await with { it in
            let before = try await it.get("sick", "pid")
            let error = await #expect(throws: CallError.self) { try await it.get("sick", "stop") }
            #expect(error?.reason == "PLUGIN_CRASHED")
            try await isBack(it, from: before)
        }
    }

    @Test("by writing all over the shared segment", arguments: types)
    func scribbles(type: String) async throws {
        try await with(type) { it in
            let before = try await it.get("sick", "pid")
            let error = await #expect(throws: CallError.self) { try await it.get("sick", "scribble") }
            #expect(error?.code == OCTAVO_CODE_UNAVAILABLE)
            try await isBack(it, from: before)
        }
    }

    @Test("by entries that it makes up", arguments: ["forge-twice", "forge-older", "forge-outside", "forge-length", "forge-kind"])
    func lies(how: String) async throws {
        try await with { it in
            let before = try await it.get("sick", "pid")
            // The entry that it will make up looks like the answer to this one.
            let error = await #expect(throws: CallError.self) { try await it.get("sick", how) }
            #expect(error?.code == OCTAVO_CODE_UNAVAILABLE)
            try await isBack(it, from: before)
            let crash = try await crash(it)
            #expect(crash.cause.hasPrefix("protocol violation"), "\(crash.cause)")
        }
    }

    @Test("by a request that kills it again and again: that one is refused, and no other", arguments: types)
    func quarantine(type: String) async throws {
        try await with(type, isolation: { $0.crashLoopLimit = 0 }) { (it: Harness) async throws -> Void in
            for _ in 0..<2 {
                let error = await #expect(throws: CallError.self) { try await it.get("sick", "segv") }
                #expect(error?.reason == "PLUGIN_CRASHED")
                _ = try await it.get("sick", "pid")
            }
            let before = try await it.get("sick", "pid")
            for loop in 0..<2 {
                let error = await #expect(throws: CallError.self) { try await it.get("sick", "segv", loop: loop) }
                #expect(error?.code == OCTAVO_CODE_FAILED_PRECONDITION && error?.reason == "QUARANTINED")
            }
            // Another key, another operation on that key.
            #expect(try await it.get("sick", "echo") == "echo")
            #expect(try await it.get("sick", "pid") == before)
            let list = await it.store.quarantine()
            #expect(list.count == 1)
            let entry = try #require(list.first)
            #expect(entry.plugin == "tests-only" && entry.component == "sick" && entry.operation == "get" && entry.deaths == 2)
            #expect(entry.left > .seconds(590) && entry.left <= .seconds(600))
            #expect(await it.store.releaseQuarantine(of: "fixture", fingerprint: 0) == 0)
            #expect(await it.store.releaseQuarantine(of: nil, fingerprint: entry.fingerprint) == 1)
            let error = await #expect(throws: CallError.self) { try await it.get("sick", "segv") }
            #expect(error?.reason == "PLUGIN_CRASHED")
        }
    }

    @Test("or dying for reasons that are not its callers': no request is refused for that")
    func innocent() async throws {
        try await with(Self.types[0], isolation: { $0.crashLoopLimit = 0 }) { (it: Harness) async throws -> Void in
            for signal in [SIGKILL, SIGSEGV, SIGKILL, SIGSEGV, SIGKILL, SIGSEGV] {
                let pid = try #require(try await it.get("sick", "pid").flatMap { Int32($0) })
                // Calls that it has and does not answer.
                let hanging = (0..<20).map { _ in Task { try await it.get("sick", "never", timeout: .seconds(1)) } }
                #expect(await eventually { (await it.facts("sick")?.inFlight ?? 0) >= 20 })
                kill(pid, signal)
                for call in hanging { _ = await call.result }
            }
            #expect(await it.store.quarantine().isEmpty)
            #expect(try await it.get("sick", "echo") == "echo")
        }
    }

    @Test("by answering twice, late or never", arguments: types)
    func answers(type: String) async throws {
        try await with(type) { it in
            let before = try await it.get("sick", "pid")
            #expect(try await it.get("sick", "twice") == "first")
            for key in ["never", "keep"] {
                let error = await #expect(throws: CallError.self) { try await it.get("sick", key, timeout: .milliseconds(30)) }
                #expect(error?.code == OCTAVO_CODE_DEADLINE_EXCEEDED)
            }
            #expect(try await it.get("sick", "late") == "ok")
            #expect(try await it.get("sick", "pid") == before)
            #expect(it.crashes.withLockedValue { $0.isEmpty })
        }
    }
}
