import COctavo
import Glibc

/// What every state store must do, whatever it keeps its values in.
package enum StateCases {
    package static let all: [ConformanceCase] =
        [
            roundTrip, oddKeys, missing, concurrent, etags, race, timeToLive, transactions, bulk, keys, likeKeys, removePrefix,
        ]

    private static let etag = UInt64(OCTAVO_STATE_ETAG)
    private typealias Write = StateCalls.Write

    private static func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

    static let roundTrip = ConformanceCase(
        "a value that was written is read back, byte for byte", section: "state.h: set, get"
    ) { instance, scope in
        let store = StateCalls(instance)
        let values: [[UInt8]] = [
            utf8("hello"), [], [0], Array(0...255), utf8(#"{"a":1}"#), utf8("ä€😀"), [0xFF, 0xFE],
            [UInt8](repeating: 0x61, count: 1 << 20), (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7) },
        ]
        for (number, value) in values.enumerated() {
            let key = scope + "key \(number)"
            let written = try store.write(Write(key: key, value: value))
            let item = try require(try store.get(key), "After set of \(shown(value)) get did not find the key.")
            try require(item.value == value, "After set of \(shown(value)) get gave \(shown(item.value)).")
            try require(item.expires == nil, "A value without a time to live says that it ends at \(item.expires ?? "").")
            guard instance.features & etag != 0 else { continue }
            try require(written?.isEmpty == false, "set gave no etag, but the type has the feature ETAG.")
            try require(item.etag == written, "set gave the etag \(written ?? "-"), get of the same value \(item.etag ?? "-").")
        }
    }

    static let oddKeys = ConformanceCase(
        "odd keys are keys like any other, or are refused with INVALID_ARGUMENT", section: "state.h: key"
    ) { instance, scope in
        let store = StateCalls(instance)
        let keys = [
            "a", "app||order", "with space", "quote'\"", "new\nline", "ünïcode", "%", "_", "*", "[a]", "\\",
            String(repeating: "k", count: 4000), "a\r\n$3\r\nfoo", "nul\0a", "nul\0b", "../up", "A",
        ]
        var taken: [String] = []
        for key in keys {
            do {
                try store.write(.set(scope + key, "value of \(key)"))
                taken.append(key)
            } catch let failure as PluginFailure where failure.code == OCTAVO_CODE_INVALID_ARGUMENT {
                continue
            }
        }
        try require(taken.contains("a"), "Even the key \"a\" was refused.")
        for key in taken {
            let value = try store.get(scope + key)?.value
            try require(
                value == utf8("value of \(key)"),
                "The key \(shown(utf8(key))) was written with its own value; get gave \(shown(value)).")
        }
    }

    static let missing = ConformanceCase(
        "a key that was never written, or was removed, is missing", section: "state.h: OCTAVO_STATE_FOUND, remove"
    ) { instance, scope in
        let store = StateCalls(instance)
        try require(try store.get(scope + "none") == nil, "get found a key that was never written.")
        try store.write(.remove(scope + "none"))
        try store.write(.set(scope + "some", "1"))
        try store.write(.remove(scope + "some"))
        try require(try store.get(scope + "some") == nil, "get found a key after its remove.")
    }

    static let concurrent = ConformanceCase(
        "many callers at once each read what they wrote", section: "octavo_plugin.h: OCTAVO_EXECUTION_*"
    ) { instance, scope in
        let store = StateCalls(instance)
        try inThreads(8) { thread in
            for round in 0..<50 {
                let key = scope + "own \(thread)"
                let value = utf8("\(thread) \(round)")
                try store.write(Write(key: key, value: value))
                let read = try store.get(key)?.value
                try require(
                    read == value,
                    "Of 8 callers one wrote \(shown(value)) to a key of its own and read back \(shown(read)).")
            }
        }
    }

    static let etags = ConformanceCase("etags decide who may write", needs: etag, section: "state.h: ETAG, concurrency") {
        instance, scope in
        let store = StateCalls(instance)
        let (k, fresh, new) = (scope + "k", scope + "fresh", scope + "new")
        func expect(_ write: Write, _ wanted: String, _ what: String) throws {
            let came = try ending { try store.write(write) }
            try require(came == wanted, "\(what) ended with \(came), not \(wanted).")
        }
        let first = try require(try store.write(.set(k, "1")), "set gave no etag.")
        let second = try require(try store.write(.set(k, "2", etag: first)), "set with an etag gave no etag.")
        try require(first != second, "Two values of one key have the same etag \(first).")
        try expect(.set(k, "3", etag: first), "ETAG_MISMATCH", "A set with an etag of an older value")
        try expect(.remove(k, etag: first), "ETAG_MISMATCH", "A remove with an etag of an older value")
        try require(try store.get(k)?.value == utf8("2"), "A refused write has changed the value.")
        try expect(.set(new, "1", etag: second), "ETAG_MISMATCH", "A set with an etag of a key that does not exist")
        try expect(.remove(new, etag: second), "ETAG_MISMATCH", "A remove with an etag of a key that does not exist")
        try require(try store.get(new) == nil, "A refused set has made the key.")
        try expect(.set(k, "4", isFirst: true), "ETAG_MISMATCH", "A first-write set without an etag of a key that exists")
        try expect(.set(fresh, "1", isFirst: true), "done", "A first-write set of a new key")
        try expect(.set(fresh, "2", isFirst: true), "ETAG_MISMATCH", "A second first-write set")
        try expect(.set(fresh, "3"), "done", "A last-write set")
        try expect(.remove(k, etag: second), "done", "A remove with the value's etag")
        try require(try store.get(k) == nil, "get found a key after its remove.")
    }

    static let race = ConformanceCase(
        "of many that write with the same etag one wins", needs: etag, section: "state.h: ETAG; INLINE and BLOCKING overlap"
    ) { instance, scope in
        let store = StateCalls(instance)
        for round in 0..<20 {
            let etag = try require(try store.write(.set(scope + "k", "start \(round)")), "set gave no etag.")
            let wins = Counter()
            try inThreads(8) { number in
                if try ending({ try store.write(.set(scope + "k", "\(number)", etag: etag)) }) == "done" { wins.add() }
            }
            try require(wins.value == 1, "8 callers wrote with the same etag at the same time; \(wins.value) of them won.")
        }
    }

    static let timeToLive = ConformanceCase(
        "a value with a time to live goes away", needs: UInt64(OCTAVO_STATE_TTL), section: "state.h: TTL"
    ) { instance, scope in
        let store = StateCalls(instance)
        func key(_ name: String) -> String { scope + name }
        // Long enough that a slow machine still reads it before its end.
        try store.write(.set(key("short"), "1", ttl: 400_000_000))
        try require(try store.get(key("short")) != nil, "A value with 400 ms to live was gone at once.")
        try store.write(.set(key("long"), "1", ttl: 3_600_000_000_000))
        try store.write(.set(key("kept"), "1", ttl: 400_000_000))
        try store.write(.set(key("kept"), "2", ttl: -1))
        try store.write(.set(key("plain"), "1", ttl: 400_000_000))
        try store.write(.set(key("plain"), "2"))
        if let expires = try store.get(key("long"))?.expires {
            try require(expires.hasSuffix("Z"), "ttlExpireTime is \(expires), not a time in UTC.")
        }
        try require(
            try within(seconds: 5) { try store.get(key("short")) == nil },
            "A value with 400 ms to live was still there after 5 s.")
        try require(try store.get(key("long")) != nil, "A value with an hour to live is gone.")
        try require(try store.get(key("kept"))?.value == utf8("2"), "A set with ttl -1 (never) did not lift the time to live.")
        try require(try store.get(key("plain"))?.value == utf8("2"), "A set without ttl did not lift the time to live.")
        if instance.features & etag != 0 {
            try store.write(.set(key("short"), "2", isFirst: true))
            try require(try store.get(key("short"))?.value == utf8("2"), "What has expired hinders a first write.")
        }
    }

    static let transactions = ConformanceCase(
        "a transaction does everything or nothing", needs: UInt64(OCTAVO_STATE_TRANSACTION), section: "state.h: transact"
    ) { instance, scope in
        let store = StateCalls(instance)
        func key(_ name: String) -> String { scope + name }
        func holds(_ name: String, _ value: String?, _ when: String) throws {
            let found = try store.get(key(name))?.value
            let wanted = value.map { utf8($0) }
            try require(found == wanted, "\(when) a key holds \(shown(found)), not \(shown(wanted)).")
        }
        try store.write(.set(key("a"), "1"))
        try store.transact([.set(key("b"), "1"), .remove(key("a")), .set(key("c"), "1")])
        for (name, value) in [("a", nil), ("b", "1"), ("c", "1")] { try holds(name, value, "After a transaction") }
        try store.transact([.set(key("e"), "1"), .set(key("e"), "2"), .remove(key("b")), .set(key("b"), "3")])
        try holds("e", "2", "After two sets of one key in one transaction")
        try holds("b", "3", "After remove and set of one key in one transaction")
        if instance.features & etag != 0 {
            let stale = try require(try store.get(key("b"))?.etag, "get gave no etag.")
            try store.write(.set(key("b"), "4"))
            do {
                try store.transact([.set(key("c"), "2"), .set(key("d"), "1"), .remove(key("b"), etag: stale), .remove(key("e"))])
                throw CaseFailure(description: "A transaction with a stale etag was accepted.")
            } catch let failure as PluginFailure {
                try require(failure.reason == "ETAG_MISMATCH", "A transaction with a stale etag ended with \(failure).")
                try require(
                    failure.index == 2,
                    "The error of a transaction must name the operation to blame in its detail \"index\": 2, not "
                        + "\(failure.index.map { "\($0)" } ?? "none").")
            }
            for (name, value) in [("b", "4"), ("c", "1"), ("d", nil), ("e", "2")] {
                try holds(name, value, "After a transaction that was refused")
            }
            let wrong = try ending { try store.transact([.set(key("f"), "1"), .set(key("f"), "2", isFirst: true)]) }
            try require(wrong != "done", "A first write after a write of the same transaction was accepted.")
            try holds("f", nil, "After a transaction that was refused")
        }
        try store.transact([])
        let limit = Int(instance.maxTransactionOps), most = limit == 0 ? 500 : min(limit, 500)
        try store.transact((0..<most).map { .set(key("many \($0)"), "\($0)") })
        try holds("many \(most - 1)", "\(most - 1)", "After a transaction of \(most) sets")
        guard (1..<10_000).contains(limit) else { return }
        let over = try code { try store.transact((0...limit).map { .set(key("over \($0)"), "1") }) }
        try require(
            over == "INVALID_ARGUMENT", "A transaction of more than the \(limit) operations of max_transaction_ops ended with \(over).")
        try holds("over 0", nil, "After a transaction that was refused")
    }

    static let bulk = ConformanceCase(
        "bulk operations answer for each item, in order", needs: UInt64(OCTAVO_STATE_BULK), section: "state.h: bulk_get, bulk_set"
    ) { instance, scope in
        let store = StateCalls(instance)
        func key(_ number: Int) -> String { scope + "k\(number)" }
        let written = try store.bulkWrite((0..<50).map { .set(key($0), "\($0)") })
        try require(written.map(\.key) == (0..<50).map(key), "bulk_set of 50 items gave \(written.count) results, or in another order.")
        try require(written.allSatisfy { $0.errorCode == 0 }, "bulk_set gave an error for a plain item.")
        let items = try store.bulkGet([key(7), scope + "none", key(49), key(7)])
        try require(
            items.map(\.value) == [utf8("7"), nil, utf8("49"), utf8("7")],
            "bulk_get of four keys gave \(items.map { shown($0.value) }.joined(separator: ", ")).")
        if instance.features & etag != 0 {
            try require(items[0].etag == written[7].etag, "bulk_get and bulk_set name different etags of one value.")
            let old = written[1].etag
            try store.write(.set(key(1), "newer"))
            let mixed = try store.bulkWrite([
                .set(key(0), "x", etag: written[0].etag), .set(key(1), "x", etag: old), .set(key(2), "x"),
            ])
            try require(
                mixed.map(\.errorReason) == ["", "ETAG_MISMATCH", ""],
                "bulk_set with a stale etag in the middle gave the reasons \(mixed.map(\.errorReason)).")
            try require(try store.get(key(1))?.value == utf8("newer"), "An item that was refused has been written.")
        }
        let removed = try store.bulkWrite([.remove(key(0))], removing: true)
        try require(removed.count == 1 && removed[0].errorCode == 0, "bulk_remove of one key gave \(removed.count) results or an error.")
        try require(try store.get(key(0)) == nil, "get found a key after its bulk_remove.")
        try require(try store.bulkGet([]).isEmpty && store.bulkWrite([]).isEmpty, "A bulk operation of nothing gave results.")
    }

    static let keys = ConformanceCase(
        "keys are listed by prefix, page by page", needs: UInt64(OCTAVO_STATE_KEYS_LIKE), section: "state.h: keys"
    ) { instance, scope in
        let store = StateCalls(instance)
        for number in 0..<300 { try store.write(.set(scope + "app||k\(number)", "1")) }
        for other in ["other", "app|", "apple", "app||%", "App||k1"] { try store.write(.set(scope + other, "1")) }
        var found: [String] = []
        var token: String?
        var pages = 0
        repeat {
            let page = try store.keys(scope + "app||k", limit: 40, token: token)
            try require(page.0.count <= 40, "keys with the limit 40 gave \(page.0.count).")
            found += page.0
            token = page.1
            pages += 1
        } while token != nil && pages < 1000
        try require(
            Set(found) == Set((0..<300).map { scope + "app||k\($0)" }),
            "Of 300 keys with a prefix the pages gave \(Set(found).count), or others.")
        try require(try store.keys(scope + "nothing").0.isEmpty, "keys found what is not there.")
    }

    static let likeKeys = ConformanceCase(
        "keys are listed by a pattern", needs: UInt64(OCTAVO_STATE_KEYS_LIKE), section: "state.h: OCTAVO_KEYS_LIKE"
    ) { instance, scope in
        let store = StateCalls(instance)
        for number in 0..<30 { try store.write(.set(scope + "app||k\(number)", "1")) }
        for other in ["other", "app||%"] { try store.write(.set(scope + other, "1")) }
        for (pattern, wanted) in [
            ("app||k1_", (10..<20).map { "app||k\($0)" }), ("app||\\%", ["app||%"]), ("%ther", ["other"]),
        ] {
            let found = Set(try store.keys(scope + pattern, isLike: true).0)
            try require(found == Set(wanted.map { scope + $0 }), "keys like \(pattern) gave \(found.count) keys, not \(wanted.count), or others.")
        }
    }

    static let removePrefix = ConformanceCase(
        "everything with a prefix can be removed, and nothing else", needs: UInt64(OCTAVO_STATE_REMOVE_PREFIX),
        section: "state.h: remove_prefix"
    ) { instance, scope in
        let store = StateCalls(instance)
        for number in 0..<100 { try store.write(.set(scope + "a||\(number)", "1")) }
        for other in ["a|", "a", "b||1", "a*"] { try store.write(.set(scope + other, "1")) }
        let count = try store.removePrefix(scope + "a||")
        try require(count == 100, "remove_prefix of 100 keys said \(count).")
        try require(try store.removePrefix(scope + "a||") == 0, "A second remove_prefix found keys.")
        for other in ["a|", "a", "b||1", "a*"] {
            try require(try store.get(scope + other) != nil, "remove_prefix of \"a||\" has removed \"\(other)\".")
        }
        try require(try store.removePrefix(scope + "a*") == 1, "remove_prefix takes the prefix \"a*\" for a pattern.")
        try require(try store.get(scope + "a") != nil, "remove_prefix of \"a*\" has removed \"a\".")
    }
}
