import COctavo
import Glibc
import Testing

/// What every state store must do, whatever it keeps its values in.
@Suite struct StateConformanceTests {
    @Test("a value that was written is read back, byte for byte", arguments: StoreKind.allCases)
    func roundTrip(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        let values: [[UInt8]] = [
            Array("hello".utf8), [], [0], Array(0...255), Array(#"{"a":1}"#.utf8), Array("ä€😀".utf8), [0xFF, 0xFE],
            [UInt8](repeating: 0x61, count: 1 << 20), (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7) },
        ]
        for (number, value) in values.enumerated() {
            let etag = try store.write(Store.Write(key: "key \(number)", value: value))
            let item = try #require(try store.get("key \(number)"))
            #expect(item.value == value)
            #expect(item.etag == etag && etag?.isEmpty == false)
            #expect(item.expires == nil)
        }
    }

    @Test("odd keys are keys like any other", arguments: StoreKind.allCases)
    func oddKeys(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        let keys = [
            "a", "app||order", "with space", "quote'\"", "new\nline", "ünïcode", "%", "_", "*", "[a]", "\\",
            String(repeating: "k", count: 4000), "a\r\n$3\r\nfoo",
        ]
        for key in keys { try fixture.store.write(.set(key, "value of \(key)")) }
        for key in keys { #expect(try fixture.store.get(key)?.value == Array("value of \(key)".utf8)) }
    }

    @Test("a key that was never written, or was removed, is missing", arguments: StoreKind.allCases)
    func missing(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        #expect(try fixture.store.get("none") == nil)
        try fixture.store.write(.remove("none"))
        try fixture.store.write(.set("some", "1"))
        try fixture.store.write(.remove("some"))
        #expect(try fixture.store.get("some") == nil)
    }

    private func code(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "done"
        } catch let failure as PluginFailure {
            return failure.reason.isEmpty ? "code \(failure.code)" : failure.reason
        } catch {
            return "\(error)"
        }
    }

    @Test("etags decide who may write", arguments: StoreKind.allCases)
    func etags(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        let first = try #require(try store.write(.set("k", "1")))
        let second = try #require(try store.write(.set("k", "2", etag: first)))
        #expect(first != second)
        #expect(code { try store.write(.set("k", "3", etag: first)) } == "ETAG_MISMATCH")
        #expect(code { try store.write(.remove("k", etag: first)) } == "ETAG_MISMATCH")
        #expect(try store.get("k")?.value == Array("2".utf8))
        #expect(code { try store.write(.set("new", "1", etag: second)) } == "ETAG_MISMATCH")
        #expect(code { try store.write(.remove("new", etag: second)) } == "ETAG_MISMATCH")
        #expect(try store.get("new") == nil)
        #expect(code { try store.write(.set("k", "4", isFirst: true)) } == "ETAG_MISMATCH")
        #expect(code { try store.write(.set("fresh", "1", isFirst: true)) } == "done")
        #expect(code { try store.write(.set("fresh", "2", isFirst: true)) } == "ETAG_MISMATCH")
        #expect(code { try store.write(.set("fresh", "3")) } == "done")
        #expect(code { try store.write(.remove("k", etag: second)) } == "done")
        #expect(try store.get("k") == nil)
    }

    @Test("of many that write with the same etag one wins", arguments: StoreKind.allCases)
    func race(_ kind: StoreKind) async throws {
        let fixture = try kind.make()
        let store = fixture.store
        for round in 0..<20 {
            let etag = try #require(try store.write(.set("k", "start \(round)")))
            let wins = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<8 {
                    group.addTask { (try? store.write(.set("k", "\(number)", etag: etag))) != nil }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(wins == 1)
        }
    }

    @Test("a value with a time to live goes away, and says when", arguments: StoreKind.allCases)
    func timeToLive(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        try store.write(.set("short", "1", ttl: 150_000_000))
        try store.write(.set("long", "1", ttl: 3_600_000_000_000))
        try store.write(.set("kept", "1", ttl: 150_000_000))
        try store.write(.set("kept", "2", ttl: -1))
        try store.write(.set("plain", "1", ttl: 150_000_000))
        try store.write(.set("plain", "2"))
        #expect(try store.get("short") != nil)
        if kind != .redis { #expect(try store.get("long")?.expires?.hasSuffix("Z") == true) }
        #expect(try eventually { try store.get("short") == nil })
        #expect(try store.get("long") != nil)
        #expect(try store.get("kept")?.value == Array("2".utf8))
        #expect(try store.get("plain")?.value == Array("2".utf8))
        // What has expired is no hindrance to a first write, and no key.
        #expect(try store.keys("short").0 == [])
        try store.write(.set("short", "2", isFirst: true))
        #expect(try store.get("short")?.value == Array("2".utf8))
    }

    @Test("a transaction does everything or nothing", arguments: StoreKind.allCases)
    func transactions(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        let etag = try #require(try store.write(.set("a", "1")))
        try store.transact([.set("b", "1"), .remove("a", etag: etag), .set("c", "1")])
        #expect(try store.get("a") == nil)
        #expect(try store.get("b")?.value == Array("1".utf8))
        #expect(try store.get("c")?.value == Array("1".utf8))
        do {
            try store.transact([.set("b", "2"), .set("d", "1"), .remove("c", etag: etag == "1" ? "77" : etag), .remove("b")])
            Issue.record("a wrong etag was accepted")
        } catch let failure as PluginFailure {
            #expect(failure.reason == "ETAG_MISMATCH" && failure.index == 2)
        }
        #expect(try store.get("b")?.value == Array("1".utf8))
        #expect(try store.get("c")?.value == Array("1".utf8))
        #expect(try store.get("d") == nil)
        // In order: the second operation sees the first.
        try store.transact([.set("e", "1"), .set("e", "2"), .remove("b"), .set("b", "3", isFirst: true)])
        #expect(try store.get("e")?.value == Array("2".utf8))
        #expect(try store.get("b")?.value == Array("3".utf8))
        do {
            try store.transact([.set("f", "1"), .set("f", "2", isFirst: true)])
            Issue.record("a first write after a write was accepted")
        } catch let failure as PluginFailure {
            #expect(failure.index == 1)
        }
        #expect(try store.get("f") == nil)
        try store.transact([])
        try store.transact((0..<500).map { .set("many \($0)", "\($0)") })
        #expect(try store.get("many 499")?.value == Array("499".utf8))
    }

    @Test("bulk operations answer for each item, in order", arguments: StoreKind.allCases)
    func bulk(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        let written = try store.bulkWrite((0..<50).map { .set("k\($0)", "\($0)") })
        #expect(written.map(\.key) == (0..<50).map { "k\($0)" })
        #expect(written.allSatisfy { $0.errorCode == 0 && $0.etag != nil })
        let items = try store.bulkGet(["k7", "none", "k49", "k7"])
        #expect(items.map(\.value) == [Array("7".utf8), nil, Array("49".utf8), Array("7".utf8)])
        #expect(items[0].etag == written[7].etag && items[1].key == "none")
        let mixed = try store.bulkWrite([.set("k0", "x", etag: written[0].etag), .set("k1", "x", etag: "999999"), .set("k2", "x")])
        #expect(mixed.map(\.errorReason) == ["", "ETAG_MISMATCH", ""])
        #expect(try store.get("k1")?.value == Array("1".utf8))
        let removed = try store.bulkWrite([.remove("k0"), .remove("k3", etag: "999999")], removing: true)
        #expect(removed.map(\.errorReason) == ["", "ETAG_MISMATCH"])
        #expect(try store.bulkGet([]).isEmpty)
        #expect(try store.bulkWrite([]).isEmpty)
    }

    @Test("keys are listed by prefix and pattern, page by page", arguments: StoreKind.allCases)
    func keys(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        for number in 0..<300 { try store.write(.set("app||k\(number)", "1")) }
        for other in ["other", "app|", "apple", "app||%", "App||k1"] { try store.write(.set(other, "1")) }
        var found: [String] = []
        var token: String?
        var pages = 0
        repeat {
            let page = try store.keys("app||k", limit: 40, token: token)
            #expect(page.0.count <= 40)
            found += page.0
            token = page.1
            pages += 1
        } while token != nil && pages < 1000
        #expect(Set(found) == Set((0..<300).map { "app||k\($0)" }))
        #expect(found.count == 300 || kind == .redis)
        #expect(Set(try store.keys("app||k1_", isLike: true).0) == Set((10..<20).map { "app||k\($0)" }))
        #expect(try store.keys("app||\\%", isLike: true).0 == ["app||%"])
        #expect(Set(try store.keys("%ther", isLike: true).0) == ["other"])
        #expect(try store.keys("nothing").0.isEmpty)
    }

    @Test("everything with a prefix can be removed, and nothing else", arguments: StoreKind.allCases)
    func removePrefix(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        let store = fixture.store
        for number in 0..<100 { try store.write(.set("a||\(number)", "1")) }
        for other in ["a|", "a", "b||1", "a*"] { try store.write(.set(other, "1")) }
        #expect(try store.removePrefix("a||") == 100)
        #expect(try store.removePrefix("a||") == 0)
        #expect(Set(try store.keys("").0) == ["a|", "a", "b||1", "a*"])
        #expect(try store.removePrefix("a*") == 1)
    }

    @Test("health is checked for real and is good", arguments: StoreKind.allCases)
    func health(_ kind: StoreKind) throws {
        let fixture = try kind.make()
        try fixture.store.instance.health()
    }

    @Test("an instance that is never started can be destroyed", arguments: StoreKind.allCases)
    func neverStarted(_ kind: StoreKind) throws {
        let (plugin, type) =
            switch kind {
            case .memory: (try Plugin.memory.get(), "state.in-memory")
            case .redis: (try Plugin.redis.get(), "state.redis")
            default: (try Plugin.sqlite.get(), "state.sqlite")
            }
        let instance = try Instance(plugin, type, [.text("redisHost", "127.0.0.1:1")])
        let left = try instance.end()
        #expect(left.threads == 0 && left.watches == 0)
    }
}
