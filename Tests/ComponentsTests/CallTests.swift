import COctavo
import NIOCore
import Testing

@testable import Components

@Suite("Calls to a component")
struct CallTests {
    static let types = ["state.fixture", "state.fixture-reactor", "state.fixture-blocking"]

    @Test("are answered in every execution model", arguments: types)
    func answered(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            try await it.set("store", "name", "value")
            for loop in 0..<2 {
                #expect(try await it.get("store", "name", loop: loop) == "value")
                #expect(try await it.get("store", "other", loop: loop) == nil)
                #expect(try await it.get("store", "later:5", loop: loop) == "later")
                #expect(try await it.get("store", "buffer", loop: loop)?.count == 100_000)
                #expect(try await it.get("store", "open", loop: loop, timeout: .seconds(5)) == "1")
                #expect(try await it.get("store", "open", loop: loop) == "1")
            }
        }
    }

    @Test("run where the type says", arguments: zip(types, ["0", "2", "1"]))
    func role(type: String, role: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            #expect(try await it.get("store", "role") == role)
        }
    }

    @Test("that are completed twice end once", arguments: types)
    func twice(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            for _ in 0..<50 { #expect(try await it.get("store", "twice") == "first") }
            let facts = try #require(await it.store.pluginFacts().first)
            #expect(facts.staleCompletions == 50)
            #expect(await it.facts("store")?.inFlight == 0)
        }
    }

    @Test("that four threads complete at once end once", arguments: types)
    func race(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            for _ in 0..<100 { #expect(try await it.get("store", "race") == "thread") }
            #expect(await it.facts("store")?.inFlight == 0)
        }
    }

    @Test("can't be ended by handles that were made up", arguments: types)
    func forged(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            #expect(try await it.get("store", "forged") == "0")
        }
    }

    @Test("with a reply that breaks the rules fail and name the component", arguments: types, ["short", "short-error", "bad-code"])
    func breach(type: String, key: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            let error = await #expect(throws: CallError.self) { try await it.get("store", key) }
            #expect(error?.code == OCTAVO_CODE_INTERNAL)
            #expect(error?.reason == "PLUGIN_BREACH")
            #expect(error?.component == "store")
            #expect(error?.type == type)
            #expect(error?.operation == "get")
        }
    }

    @Test("end with DEADLINE_EXCEEDED in time; a late completion changes nothing", arguments: types)
    func deadline(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            let error = await #expect(throws: CallError.self) {
                try await it.get("store", "never", timeout: .milliseconds(30))
            }
            #expect(error?.code == OCTAVO_CODE_DEADLINE_EXCEEDED)
            #expect(
                error?.description
                    == "component store (\(type)), get: no answer within the deadline; look at the backend's health, "
                    + "or give the call more time")
            // The plugin still holds the call, and completing it now is stale.
            #expect(await it.facts("store")?.inFlight == 1)
            #expect(try await it.get("store", "complete-kept") == "1")
            #expect(await eventually { await it.facts("store")?.inFlight == 0 })
        }
    }

    @Test("that are cancelled tell nobody but the plugin, by a hint", arguments: ["state.fixture", "state.fixture-reactor"])
    func cancel(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()], loops: 1) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            let loop = it.loops[0]
            let ends = try await loop.eventLoop.submit { () -> Int in
                let waiter = GetWaiter { _ in }
                let handle = Harness.get(loop.value, "store", "never", waiter: waiter)
                handle?.cancel()
                handle?.cancel()
                return waiter.ends
            }.get()
            #expect(ends == 0)
            #expect(await eventually { (try? await it.get("store", "cancels")) == "1" })
            #expect(try await it.get("store", "complete-kept") == "1")
            #expect(await eventually { await it.facts("store")?.inFlight == 0 })
        }
    }

    @Test("made by a waiter don't enter a plugin that is still inside the call")
    func nested() async throws {
        try await Harness.with(plugins: [Fixtures.store()], loops: 1) { it in
            try await it.add("store")
            #expect(await it.reaches("store", "ready"))
            let loop = it.loops[0]
            let done = loop.eventLoop.makePromise(of: Int.self)
            loop.eventLoop.execute {
                // The fixture completes while it holds its lock; each completion asks again at once.
                var left = 2000
                func again() {
                    Harness.get(
                        loop.value, "store", "k",
                        waiter: GetWaiter { _ in
                            left -= 1
                            if left == 0 { done.succeed(left) } else { again() }
                        })
                }
                again()
            }
            #expect(try await done.futureResult.get() == 0)
        }
    }

    @Test("are refused with RESOURCE_EXHAUSTED when the loop's slots are used up")
    func slots() async throws {
        try await Harness.with(plugins: [Fixtures.store()], loops: 1, expiredLimit: .max) { it in
            try await it.add("store", "state.fixture-reactor")
            #expect(await it.reaches("store", "ready"))
            let loop = it.loops[0]
            let (refused, codes) = try await loop.eventLoop.submit { () -> (Int, Set<Int32>) in
                var refused = 0
                var codes: Set<Int32> = []
                for _ in 0..<Int(CallLoop.capacity) + 100 {
                    Harness.get(
                        loop.value, "store", "k",
                        waiter: GetWaiter {
                            if case .failure(let error as CallError) = $0 {
                                refused += 1
                                codes.insert(error.code)
                            }
                        })
                }
                return (refused, codes)
            }.get()
            #expect(refused >= 100)
            #expect(codes == [OCTAVO_CODE_RESOURCE_EXHAUSTED])
            #expect(await eventually { await it.facts("store")?.inFlight == 0 })
            #expect(try await it.get("store", "k") == nil)
        }
    }

    @Test("stop when the plugin has forgotten too many, and go on when it completes them")
    func clogged() async throws {
        try await Harness.with(plugins: [Fixtures.store()], loops: 2, expiredLimit: 20) { it in
            try await it.add("store")
            #expect(await it.reaches("store", "ready"))
            for _ in 0..<20 {
                _ = try? await it.get("store", "never", timeout: .milliseconds(1))
            }
            let error = await #expect(throws: CallError.self) { try await it.get("store", "k") }
            #expect(error?.reason == "CALLS_NOT_COMPLETED")
            #expect(error?.code == OCTAVO_CODE_UNAVAILABLE)
            // The other loop has its own count; through it the plugin remembers its calls.
            #expect(try await it.get("store", "complete-kept", loop: 1) == "20")
            #expect(await eventually { await it.facts("store")?.inFlight == 0 })
            #expect(try await it.get("store", "k") == nil)
        }
    }

    @Test("of an operation that the component lacks are UNIMPLEMENTED")
    func unimplemented() async throws {
        try await Harness.with(plugins: [Fixtures.store()], loops: 1) { it in
            try await it.add("store")
            #expect(await it.reaches("store", "ready"))
            let loop = it.loops[0]
            let code = try await loop.eventLoop.submit { () -> Int32 in
                var code: Int32 = 0
                let waiter = GetWaiter { if case .failure(let error as CallError) = $0 { code = error.code } }
                let ref = loop.value.component(named: "store")
                _ = ref?.open(
                    OCTAVO_STATE_OP_QUERY, octavo_state_query_request.self, bytes: 0, deadline: 0, waiter: waiter)
                return code
            }.get()
            #expect(code == OCTAVO_CODE_UNIMPLEMENTED)
        }
    }

    @Test("from four loops at once all end, in every model", arguments: types, [UInt64(1), 20_260_101])
    func stress(type: String, seed: UInt64) async throws {
        try await Harness.with(plugins: [Fixtures.store()], loops: 4) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            let keys = ["k", "later:1", "race", "twice", "buffer", "short", "open"]
            try await withThrowingTaskGroup(of: Int.self) { group in
                for loop in it.loops {
                    group.addTask {
                        let done = loop.eventLoop.makePromise(of: Int.self)
                        loop.eventLoop.execute {
                            var random = seed &+ UInt64(loop.value.index)
                            var ended = 0
                            let total = 400
                            for _ in 0..<total {
                                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                                let key = keys[Int(random >> 33) % keys.count]
                                let timeout: Duration? = random >> 60 == 0 ? .milliseconds(1) : nil
                                let handle = Harness.get(
                                    loop.value, "store", key, timeout: timeout,
                                    waiter: GetWaiter { _ in
                                        ended += 1
                                        if ended == total { done.succeed(ended) }
                                    })
                                // Some callers go away; each is counted here in place of its waiter.
                                if random >> 58 == 7, let handle, handle.isOpen {
                                    handle.cancel()
                                    ended += 1
                                    if ended == total { done.succeed(ended) }
                                }
                            }
                        }
                        return try await done.futureResult.get()
                    }
                }
                var ended = 0
                for try await count in group { ended += count }
                #expect(ended == 1600, "seed \(seed)")
            }
            #expect(await eventually { await it.facts("store")?.inFlight == 0 })
            #expect(it.loops.count == 4)
        }
    }
}
