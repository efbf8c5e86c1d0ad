import COctavo
import Glibc
import PluginCheck
import Testing

/// What every state store must do, whatever it keeps its values in: the cases of `octavo plugin check`.
@Suite struct StateConformanceTests {
    @Test("the cases of the kind", arguments: StoreKind.allCases, StateCases.all)
    func conformance(_ kind: StoreKind, _ one: ConformanceCase) throws {
        let fixture = try kind.make()
        try #require(fixture.store.instance.features & one.needs == one.needs, "the type has lost a feature")
        try one.run(fixture.store.instance, scope: "")
    }

    @Test("a key that has expired is listed no more, and a failed transaction names the operation to blame", arguments: StoreKind.allCases)
    func expired(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        try store.write(.set("short", "1", ttl: 150_000_000))
        if kind != .redis {
            try store.write(.set("long", "1", ttl: 3_600_000_000_000))
            #expect(try store.get("long")?.expires?.hasSuffix("Z") == true)
        }
        #expect(try eventually { try store.get("short") == nil })
        #expect(try store.keys("short").0 == [])
        do {
            try store.transact([.set("f", "1"), .set("f", "2", isFirst: true)])
            Issue.record("a first write after a write was accepted")
        } catch let failure as PluginFailure {
            #expect(failure.index == 1)
        }
    }

    @Test("health is checked for real and is good", arguments: StoreKind.allCases)
    func health(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        try fixture.store.direct.health()
    }

    @Test("an instance that is never started can be destroyed", arguments: StoreKind.allCases)
    func neverStarted(_ kind: StoreKind) throws {
        let (plugin, type) =
            switch kind {
            case .memory: (try Plugin.memory.get(), "state.in-memory")
            case .redis: (try Plugin.redis.get(), "state.redis")
            case .postgresql: (try Plugin.postgresql.get(), "state.postgresql")
            default: (try Plugin.sqlite.get(), "state.sqlite")
            }
        let instance = try Instance(plugin, type, [.text("redisHost", "127.0.0.1:1"), .text("host", "127.0.0.1")])
        let left = try instance.end()
        #expect(left.threads == 0 && left.watches == 0)
    }
}
