import COctavo
import Glibc
import NIOCore
import Testing

@testable import Components

@Suite("An isolated plugin", .serialized)
struct IsolationTests {
    @Test("answers as one in this process does, in every execution model", arguments: CallTests.types)
    func answers(type: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()], isolated: true) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            let pid = try await it.get("store", "pid").flatMap { Int32($0) }
            #expect(pid != nil && pid != getpid())
            try await it.set("store", "name", "value")
            for loop in 0..<2 {
                #expect(try await it.get("store", "name", loop: loop) == "value")
                #expect(try await it.get("store", "other", loop: loop) == nil)
                #expect(try await it.get("store", "later:5", loop: loop) == "later")
                #expect(try await it.get("store", "buffer", loop: loop)?.count == 100_000)
                #expect(try await it.get("store", "open", loop: loop, timeout: .seconds(5)) == "1")
                #expect(try await it.get("store", "open", loop: loop) == "1")
            }
            #expect(await it.facts("store")?.inFlight == 0)
        }
    }

    @Test("that dies is back at once, with its components", arguments: CallTests.types, ["fault", "abort", "exit"])
    func restarts(type: String, fault: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()], isolated: true) { it in
            try await it.add("store", type)
            #expect(await it.reaches("store", "ready"))
            let before = try await it.get("store", "pid")
            let error = await #expect(throws: CallError.self) { try await it.get("store", fault) }
            #expect(error?.code == OCTAVO_CODE_UNAVAILABLE)
            #expect(error?.reason == "PLUGIN_CRASHED")
            let after = try await it.get("store", "pid")
            #expect(after != nil && after != before)
            #expect(await it.facts("store")?.inFlight == 0)
        }
    }

    @Test("that freezes is ended and started again")
    func freezes() async throws {
        try await Harness.with(plugins: [Fixtures.store()], isolated: true) { it in
            try await it.add("store")
            #expect(await it.reaches("store", "ready"))
            let error = await #expect(throws: CallError.self) { try await it.get("store", "freeze") }
            #expect(error?.reason == "PLUGIN_CRASHED")
            #expect(try await it.get("store", "pid") != nil)
        }
    }

    @Test("a process that ends while it is begun takes nothing along")
    func endsWhileBegun() async throws {
        // From before it is greeted until after it serves.
        for delay in [0, 200, 500, 1000, 2000, 4000] {
            let file = Fixtures.store(id: "fixture", ["-DDIES_AFTER_US=\(delay)"])
            try await Harness.with(plugins: [], isolated: true) { it in
                for _ in 0..<8 { _ = try? await it.store.load(path: file) }
                // A plugin that lives beside it does.
                _ = try await it.store.load(path: Fixtures.store(id: "well"))
                try await it.add("well", "state.well")
                #expect(await it.reaches("well", "ready"))
                #expect(try await it.get("well", "version") == "1.0.0")
            }
        }
    }
}
