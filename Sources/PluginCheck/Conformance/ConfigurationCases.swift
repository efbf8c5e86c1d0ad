import COctavo

/// What every configuration store must do, wherever its items are.
package enum ConfigurationCases {
    package static let all: [ConformanceCase] = [unknown, same, roundTrip, versions, removal, changes, everything, present, many]

    private static let write = UInt64(OCTAVO_CONFIGURATION_WRITE)
    private static let watch = UInt64(OCTAVO_CONFIGURATION_WATCH)
    private typealias Item = ConfigurationCalls.Item

    /// Waits for `item` as the newest of the key.
    private static func hear(_ listener: ConfigurationListener, _ key: String, _ value: String?, _ what: String) throws {
        let isHeard = within(seconds: 5) { listener.last(key).map { $0.value == value } ?? false }
        let last = listener.last(key).map { "\($0)" } ?? "heard nothing"
        try require(isHeard, "\(what) was not delivered to a watch within 5 s; of this key it has \(last).")
    }

    static let unknown = ConformanceCase("an item that does not exist is left out", section: "configuration.h: get") { instance, scope in
        let items = try ConfigurationCalls(instance).get([scope + "no such key", scope])
        try require(items.isEmpty, "get of keys that nobody has set gave \(items.count) items.")
    }

    static let same = ConformanceCase("get of all and get of one agree", section: "configuration.h: keys") { instance, _ in
        let store = ConfigurationCalls(instance)
        for (key, item) in try store.get([]).sorted(by: { $0.key < $1.key }).prefix(50) {
            let one = try store.get([key])
            let shown = one[key].map { "\($0)" } ?? "nothing"
            try require(one == [key: item], "get of all keys gave \(item) for \(key), get of this key \(shown).")
        }
    }

    static let roundTrip = ConformanceCase(
        "an item that was set is read back", needs: write, section: "configuration.h: set, get"
    ) { instance, scope in
        let store = ConfigurationCalls(instance)
        let values = ["hello", "", "ä€😀", "line\nline", "{\"a\": [1, 2]}", "a|b", String(repeating: "x", count: 100_000)]
        for (number, value) in values.enumerated() { try store.set(scope + "k\(number)", value) }
        for (number, value) in values.enumerated() {
            let found = try store.get([scope + "k\(number)"])[scope + "k\(number)"]?.value
            try require(found == value, "After set of \(shown(Array(value.utf8))) get gave \(shown(found.map { Array($0.utf8) })).")
        }
        let some = try store.get([scope + "k0", scope + "none", scope + "k2"])
        try require(Set(some.keys) == [scope + "k0", scope + "k2"], "get of three keys, of which two exist, gave \(some.count) items.")
        try store.remove(values.indices.map { scope + "k\($0)" })
    }

    static let versions = ConformanceCase(
        "a version that was set is read back, or is refused by a store that numbers its items itself", needs: write,
        section: "configuration.h: version"
    ) { instance, scope in
        let store = ConfigurationCalls(instance)
        if try code({ try store.set([(scope + "k", Item(value: "value", version: "7"))]) }) == "INVALID_ARGUMENT" {
            try store.set(scope + "k", "value")
            let version = try store.get([scope + "k"])[scope + "k"]?.version
            try require(version?.isEmpty == false, "A version that is set is refused, and get gives none.")
            try store.set(scope + "k", "other")
            let next = try store.get([scope + "k"])[scope + "k"]?.version
            try require(next != version, "A version that is set is refused, and another value has the version \(version ?? "") of the one before.")
            return try store.remove([scope + "k"])
        }
        for version in ["7", "v1.2-beta"] {
            try store.set([(scope + "k", Item(value: "value", version: version))])
            let found = try store.get([scope + "k"])[scope + "k"]
            let shown = found.map { "\($0)" } ?? "nothing"
            try require(
                found == Item(value: "value", version: version), "After set with the version \(version) get gave \(shown).")
        }
        try store.remove([scope + "k"])
    }

    static let removal = ConformanceCase(
        "an item that was removed does not exist", needs: write, section: "configuration.h: remove"
    ) { instance, scope in
        let store = ConfigurationCalls(instance)
        try store.set([(scope + "a", Item(value: "1")), (scope + "b", Item(value: "2"))])
        try store.remove([scope + "a", scope + "none"])
        let found = try store.get([scope + "a", scope + "b"])
        try require(Set(found.keys) == [scope + "b"], "After remove of one of two items get gave \(found.keys.sorted()).")
        try store.remove([scope + "b"])
    }

    static let changes = ConformanceCase(
        "a watch hears of its keys, and of no others", needs: write | watch, section: "configuration.h: watch, unwatch"
    ) { instance, scope in
        let store = ConfigurationCalls(instance)
        let (a, b) = (scope + "a", scope + "b")
        try store.set(a, "0")
        let listener = try instance.watch([a])
        try store.set(b, "other")
        for number in 1...20 {
            try store.set(a, "\(number)")
            try hear(listener, a, "\(number)", "A set after watch was completed")
        }
        try require(listener.last(b) == nil, "A watch of one key has heard of another.")
        try store.remove([a])
        try hear(listener, a, nil, "A remove")
        try store.set(a, "again")
        try hear(listener, a, "again", "A set after remove")
        listener.end()
        let count = listener.changes.count
        try store.set(a, "after the end")
        let second = try instance.watch([a])
        try store.set(a, "last")
        try hear(second, a, "last", "A set after another watch was completed")
        try require(listener.changes.count == count, "Something was delivered after unwatch was completed.")
        second.end()
        try store.remove([a, b])
    }

    static let everything = ConformanceCase(
        "a watch without keys hears of all", needs: write | watch, section: "configuration.h: keys"
    ) { instance, scope in
        let store = ConfigurationCalls(instance)
        let listener = try instance.watch([])
        let other = try instance.watch([scope + "a"])
        try store.set([(scope + "a", Item(value: "1")), (scope + "b", Item(value: "2"))])
        try hear(listener, scope + "a", "1", "A set of two items: the first")
        try hear(listener, scope + "b", "2", "A set of two items: the second")
        try hear(other, scope + "a", "1", "A set that two watches are about")
        listener.end()
        try store.set(scope + "a", "3")
        try hear(other, scope + "a", "3", "A set after the end of another watch of the key")
        other.end()
        try store.remove([scope + "a", scope + "b"])
    }

    static let present = ConformanceCase(
        "a watch is told first what there is", needs: watch, section: "configuration.h: OCTAVO_CONFIGURATION_SEND_PRESENT"
    ) { instance, scope in
        let store = ConfigurationCalls(instance)
        if instance.features & write != 0 {
            try store.set([(scope + "a", Item(value: "1")), (scope + "b", Item(value: "2"))])
        }
        for keys in [[scope + "a", scope + "none"], [scope + "none"]] {
            let listener = try instance.watch(keys)
            try require(
                within(seconds: 5) { !listener.changes.isEmpty }, "A watch that asked for the present items has heard nothing for 5 s.")
            let first = listener.changes[0]
            let wanted = try store.get(keys)
            try require(first.isPresent, "The first change is not marked as the present items (OCTAVO_CONFIGURATION_PRESENT).")
            try require(first.items == wanted, "The present items of a watch are \(first.items), those of get \(wanted).")
            try require(listener.changes.count == 1, "Without a change a watch has heard \(listener.changes.count) of them.")
            listener.end()
        }
        if instance.features & write != 0 { try store.remove([scope + "a", scope + "b"]) }
    }

    static let many = ConformanceCase(
        "whoever watches while many write knows the last value in the end", needs: write | watch,
        section: "configuration.h: octavo_configuration_change"
    ) { instance, scope in
        let store = ConfigurationCalls(instance)
        let listener = try instance.watch((0..<4).map { scope + "k\($0)" })
        try inThreads(4) { thread in
            for round in 0..<50 { try store.set(scope + "k\(thread)", "\(round)") }
        }
        for thread in 0..<4 { try hear(listener, scope + "k\(thread)", "49", "The last of 50 values that were set one after the other") }
        listener.end()
        try store.remove((0..<4).map { scope + "k\($0)" })
    }
}
