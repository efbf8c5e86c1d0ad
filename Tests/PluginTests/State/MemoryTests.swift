import COctavo
import Glibc
import PluginCheck
import Testing

@Suite struct MemoryTests {
    @Test("maxBytes refuses what does not fit, and takes it again after a removal")
    func limit() throws {
        let fixture = try Fixture(Plugin.memory.get(), "state.in-memory", [.number("maxBytes", 10_000)])
        let store = fixture.store
        let big = String(repeating: "x", count: 4000)
        try store.write(.set("a", big))
        try store.write(.set("b", big))
        do {
            try store.write(.set("c", big))
            Issue.record("written above the limit")
        } catch let failure as PluginFailure {
            #expect(failure.code == OCTAVO_CODE_RESOURCE_EXHAUSTED && failure.message.contains("maxBytes"))
        }
        try store.write(.remove("a"))
        try store.write(.set("c", big))
        // A transaction that fails gives back what it took.
        for _ in 0..<10 { #expect(throws: PluginFailure.self) { try store.transact([.remove("b"), .set("d", "1", etag: "none")]) } }
        try store.write(.remove("b"))
        try store.write(.set("e", big))
    }

    @Test("random operations do what a dictionary does", arguments: [1, 2, 3] as [UInt64])
    func model(_ seed: UInt64) throws {
        let fixture = try StoreKind.memory.make()
        var model: [String: String] = [:]
        var state = seed
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        for step in 0..<20_000 {
            let key = "k\(random(700))"
            switch random(10) {
            case 0..<5:
                try fixture.store.write(.set(key, "\(step)"))
                model[key] = "\(step)"
            case 5..<8:
                try fixture.store.write(.remove(key))
                model[key] = nil
            default: #expect(try fixture.store.get(key)?.value == model[key].map { Array($0.utf8) })
            }
        }
        #expect(Set(try fixture.store.keys("", limit: 10_000).0) == Set(model.keys))
    }

    @Test("transactions over the same keys from several threads never deadlock or mix")
    func transactions() async throws {
        let fixture = try StoreKind.memory.make()
        let store = fixture.store
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for round in 0..<500 {
                        var keys = (0..<8).map { "k\($0)" }
                        if task % 2 == 1 { keys.reverse() }
                        try? store.transact(keys.map { .set($0, "\(task) \(round)") })
                    }
                }
            }
        }
        let items = try store.bulkGet((0..<8).map { "k\($0)" })
        #expect(Set(items.map(\.value)).count == 1)
    }
}
