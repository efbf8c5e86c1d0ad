import COctavo
import Glibc
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import Components

@Suite("A reload", .serialized)
struct ReloadTests {
    /// Asks for `version` on each loop for as long as it runs, eight calls at a time; counts answers and failures.
    final class Load: Sendable {
        private struct Counts {
            var answers: [String: Int] = [:]
            var failures: [String] = []
            var running = 0
            var isStopping = false
        }
        private let counts = NIOLockedValueBox(Counts())
        var answers: [String: Int] { counts.withLockedValue { $0.answers } }
        var failures: [String] { counts.withLockedValue { $0.failures } }

        init(_ it: Harness, _ component: String, key: String = "version") {
            for loop in it.loops {
                loop.eventLoop.execute { [self] in
                    for _ in 0..<8 { ask(loop, component, key) }
                }
            }
        }

        private func ask(_ loop: NIOLoopBound<CallLoop>, _ component: String, _ key: String) {
            let goesOn = counts.withLockedValue { counts in
                if counts.isStopping { return false }
                counts.running += 1
                return true
            }
            guard goesOn else { return }
            Harness.get(
                loop.value, component, key, timeout: .seconds(20),
                waiter: GetWaiter { [self] result in
                    counts.withLockedValue { counts in
                        counts.running -= 1
                        switch result {
                        case .success(let value): counts.answers[value ?? "", default: 0] += 1
                        case .failure(let error): counts.failures.append("\(error)")
                        }
                    }
                    loop.eventLoop.execute { [self] in ask(loop, component, key) }
                })
        }

        func stop() async -> Bool {
            counts.withLockedValue { $0.isStopping = true }
            return await eventually { self.counts.withLockedValue { $0.running == 0 } }
        }
    }

    @Test("under load fails no call, and every later call goes to the new build", arguments: CallTests.types)
    func underLoad(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            let load = Load(it, "store")
            for round in 2...6 {
                #expect(await eventually { (load.answers["\(round - 1).0.0"] ?? 0) > 200 })
                let report = try await it.store.reload("fixture", path: Fixtures.store(version: "\(round).0.0"))
                #expect(report.to == round)
                #expect(report.stillMapped == nil)
                #expect(it.mapped("fixture@\(round - 1)/") == 0)
                #expect(try await it.get("store", "version") == "\(round).0.0")
            }
            #expect(await load.stop())
            #expect(load.failures == [])
            #expect(Set(load.answers.keys) == Set((1...6).map { "\($0).0.0" }))
        }
    }

    @Test("takes along what an instance holds in memory", arguments: CallTests.types, [false, true])
    func handoff(type: String, isolated: Bool) async throws {
        let holds = ["-DTYPE_FLAGS=OCTAVO_TYPE_HOLDS_STATE"]
        try await Harness.with(plugins: [Fixtures.store(holds)], isolated: isolated) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            for index in 0..<40 { try await it.set("store", "key\(index)", "value\(index)") }
            let load = Load(it, "store", key: "key7")
            #expect(await eventually { (load.answers["value7"] ?? 0) > 100 })
            _ = try await it.store.reload("fixture", path: Fixtures.store(version: "2.0.0", holds))
            #expect(try await it.get("store", "version") == "2.0.0")
            for index in 0..<40 { #expect(try await it.get("store", "key\(index)") == "value\(index)") }
            #expect(await load.stop())
            #expect(load.failures == [])
            #expect(Array(load.answers.keys) == ["value7"])
        }
    }

    @Test("takes pieces along that are larger than a message between processes")
    func largePiece() async throws {
        try await Harness.with(plugins: [Fixtures.shipped("memory")], isolated: true) { it in
            try await it.add("store", "state.in-memory")
            #expect(await it.reaches("store", "ready"))
            let large = String(repeating: "0123456789abcdef", count: 9 << 16)
            try await it.set("store", "large", large)
            try await it.set("store", "small", "1")
            // Into another process, and back and forth between that and this one.
            _ = try await it.store.reload("memory")
            #expect(try await it.get("store", "large") == large)
            _ = try await it.store.setIsolation("memory", IsolationMode.none)
            #expect(try await it.get("store", "large") == large)
            _ = try await it.store.setIsolation("memory", .process)
            #expect(try await it.get("store", "large") == large)
            #expect(try await it.get("store", "small") == "1")
        }
    }

    @Test("that can't take the state along is refused and changes nothing", arguments: [false, true])
    func otherFormat(isolated: Bool) async throws {
        let holds = "-DTYPE_FLAGS=OCTAVO_TYPE_HOLDS_STATE"
        try await Harness.with(plugins: [Fixtures.store([holds])], isolated: isolated) { it in
            try await it.add("store")
            #expect(await it.reaches("store", "ready"))
            try await it.set("store", "k", "v")
            let load = Load(it, "store", key: "k")
            let error = await #expect(throws: StoreError.self) {
                try await it.store.reload("fixture", path: Fixtures.store(version: "2.0.0", [holds, "-DFORMAT=2"]))
            }
            #expect(
                error?.description
                    == "the new build (version 2.0.0) can't replace the old one: component store: the new build keeps its "
                    + "state in format 2, the old one in 1; the old build goes on")
            #expect(try await it.get("store", "version") == "1.0.0")
            #expect(try await it.get("store", "k") == "v")
            #expect(it.mapped("fixture@2/") == 0)
            #expect(await load.stop())
            #expect(load.failures == [])
        }
    }

    @Test("of a type that must be alone keeps calls waiting", arguments: CallTests.types)
    func exclusive(type: String) async throws {
        let alone = "-DTYPE_FLAGS=OCTAVO_TYPE_EXCLUSIVE"
        try await Harness.with(plugins: [Fixtures.store([alone])]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            let load = Load(it, "store")
            #expect(await eventually { (load.answers["1.0.0"] ?? 0) > 100 })
            _ = try await it.store.reload("fixture", path: Fixtures.store(version: "2.0.0", [alone]))
            #expect(await eventually { (load.answers["2.0.0"] ?? 0) > 100 })
            // A build that is unwell does not replace it: the one before serves again.
            await #expect(throws: StoreError.self) {
                try await it.store.reload("fixture", path: Fixtures.store(version: "3.0.0", [alone, "-DUNHEALTHY=1"]))
            }
            #expect(try await it.get("store", "version") == "2.0.0")
            #expect(await load.stop())
            #expect(load.failures == [])
            #expect(load.answers["3.0.0"] == nil)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let build: @Sendable () -> String
        let cause: String
        var testDescription: String { cause }
    }

    @Test(
        "to a build that does not work leaves the old one alone",
        arguments: [
            Refusal(build: { Fixtures.store(version: "2.0.0", ["-DUNHEALTHY=1"]) }, cause: "component store: the fixture is unwell"),
            Refusal(build: { Fixtures.broken(21) }, cause: "did not start: its licence has run out"),
            Refusal(build: { Fixtures.broken(0) }, cause: "is the plugin broken, not fixture"),
            Refusal(build: { Fixtures.root + "/Package.swift" }, cause: "it is not an ELF file"),
        ])
    func refused(refusal: Refusal) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store")
            #expect(await it.reaches("store", "ready"))
            let load = Load(it, "store")
            let error = await #expect(throws: StoreError.self) {
                try await it.store.reload("fixture", path: refusal.build())
            }
            #expect(error?.description.contains(refusal.cause) == true)
            #expect(try await it.get("store", "version") == "1.0.0")
            #expect(await it.store.pluginFacts().first?.generation == 1)
            #expect(await load.stop())
            #expect(load.failures == [])
        }
    }

    @Test("waits for calls under way before the old build goes")
    func underWay() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", "state.fixture-reactor")
            #expect(await it.reaches("store", "ready"))
            async let slow = it.get("store", "later:300")
            #expect(await eventually { await it.facts("store")?.inFlight == 1 })
            _ = try await it.store.reload("fixture", path: Fixtures.store(version: "2.0.0"))
            #expect(try await slow == "later")
            #expect(it.mapped("fixture@1/") == 0)
        }
    }

    @Test("whose component is removed meanwhile ends every instance once", arguments: CallTests.types)
    func removal(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type, metadata: ["blockStart": "200ms"])
            #expect(await it.reaches("store", "ready"))
            async let reload = try? it.store.reload("fixture", path: Fixtures.store(version: "2.0.0"))
            // The new build's instance starts, beside the old one.
            #expect(await eventually { it.mapped("fixture@2/") > 0 })
            try await it.store.remove("store")
            _ = await reload
            #expect(await eventually { it.mapped("fixture@1/") == 0 })
            #expect(await it.facts("store") == nil)
        }
    }

    @Test("waits for an operation that has completed its call and is still in the old build's code", arguments: CallTests.types)
    func lingering(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            #expect(try await it.get("store", "linger:200") == "gone")
            // The fixture ends the process when it is destroyed inside an operation.
            let report = try await it.store.reload("fixture", path: Fixtures.store(version: "2.0.0"))
            #expect(report.stillMapped == nil)
            #expect(it.mapped("fixture@1/") == 0)
        }
    }

    @Test("leaves code mapped, with the reason, while something of it is left behind")
    func leftovers() async throws {
        try await Harness.with(plugins: [Fixtures.store(id: "leaver")]) { it in
            try await it.add("store", "state.leaver-reactor")
            #expect(await it.reaches("store", "ready"))
            _ = try await it.get("store", "forget-timer")
            let report = try await it.store.reload("leaver", path: Fixtures.store(version: "2.0.0", id: "leaver"))
            #expect(report.stillMapped == "component store left 1 timers behind")
            #expect(it.mapped("leaver@1/") > 0)
            #expect(await it.store.pluginFacts().first?.retired.map(\.generation) == [1])
        }
    }
}
