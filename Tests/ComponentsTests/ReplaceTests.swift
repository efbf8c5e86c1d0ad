import COctavo
import Testing

@testable import Components

@Suite("Another instance with other settings", .serialized)
struct ReplaceTests {
    typealias Load = ReloadTests.Load

    private static func store(_ metadata: [String: String]) -> ComponentDefinition { store("state.fixture", metadata) }

    private static func store(_ type: String, _ metadata: [String: String]) -> ComponentDefinition {
        ComponentDefinition(name: "store", type: type, metadata: metadata.map { .init(name: $0.key, value: $0.value) })
    }

    @Test("takes over under load without a failed call", arguments: CallTests.types, [false, true])
    func underLoad(type: String, isolated: Bool) async throws {
        try await Harness.with(plugins: [Fixtures.store()], isolated: isolated) { it in
            try await it.add("store", type, metadata: ["label": "1"])
            try await it.add("other", type, metadata: ["label": "7"])
            #expect(await it.reaches("store", "ready"))
            #expect(await it.reaches("other", "ready"))
            let load = Load(it, "store", key: "label"), other = Load(it, "other", key: "label")
            for label in 2...6 {
                try await it.store.replace(Self.store(type, ["label": "\(label)"]))
                #expect(try await it.get("store", "label", loop: label % 2) == "\(label)")
            }
            #expect(await eventually { (load.answers["6"] ?? 0) > 100 })
            #expect(await load.stop())
            #expect(await other.stop())
            #expect(load.failures == [])
            #expect(other.failures == [])
            #expect(other.answers.keys.sorted() == ["7"])
            // The instances before have gone, and with them what they counted has not.
            #expect(await eventually { await it.store.farewells.isEmpty })
            #expect(Int(await it.facts("store")?.calls ?? 0) >= load.answers.values.reduce(0, +))
        }
    }

    @Test("is not waited for by calls under way on the one before")
    func underWay() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", "state.fixture-reactor", metadata: ["label": "1"])
            #expect(await it.reaches("store", "ready"))
            async let slow = it.get("store", "later:500")
            #expect(await eventually { await it.facts("store")?.inFlight == 1 })
            try await it.store.replace(Self.store("state.fixture-reactor", ["label": "2"]))
            #expect(try await it.get("store", "label") == "2")
            #expect(await it.facts("store")?.inFlight == 1)
            #expect(try await slow == "later")
        }
    }

    @Test("may be of another type of its kind")
    func otherType() async throws {
        try await Harness.with(plugins: [Fixtures.store(), Fixtures.shipped("memory")]) { it in
            try await it.add("store", metadata: ["label": "1"])
            #expect(await it.reaches("store", "ready"))
            let load = Load(it, "store", key: "absent")
            try await it.store.replace(Self.store("state.in-memory", [:]))
            try await it.set("store", "k", "v")
            #expect(try await it.get("store", "k") == "v")
            #expect(await it.facts("store")?.plugin == "memory")
            // What is held in memory goes along with other settings of the same type.
            try await it.store.replace(Self.store("state.in-memory", ["keyPrefix": "name"]))
            #expect(try await it.get("store", "k") == "v")
            #expect(await load.stop())
            #expect(load.failures == [])
            let error = await #expect(throws: StoreError.self) { try await it.store.replace(Self.store("pubsub.in-memory", [:])) }
            #expect("\(error.map { "\($0)" } ?? "")".contains("can't become a pubsub.in-memory"))
        }
    }

    @Test(
        "that does not work leaves the one before alone",
        arguments: [
            (["label": "abc"], "label must be a whole number"),
            (["label": "2", "failStarts": "1000000"], "the backend refused the connection"),
            (["label": "2", "refuse": "true"], "the fixture was told to refuse"),
        ], [UInt32(0), UInt32(OCTAVO_TYPE_EXCLUSIVE)])
    func refused(change: ([String: String], String), flags: UInt32) async throws {
        try await Harness.with(plugins: [Fixtures.store(["-DTYPE_FLAGS=\(flags)"])]) { it in
            try await it.add("store", metadata: ["label": "1"])
            #expect(await it.reaches("store", "ready"))
            let load = Load(it, "store", key: "label")
            let error = await #expect(throws: StoreError.self) { try await it.store.replace(Self.store(change.0)) }
            #expect(error?.description.contains(change.1) == true)
            #expect(error?.description.hasSuffix("; those before go on") == true)
            #expect(try await it.get("store", "label") == "1")
            #expect(await it.facts("store")?.state == "ready")
            try await it.store.replace(Self.store(["label": "3"]))
            #expect(try await it.get("store", "label") == "3")
            #expect(await load.stop())
            #expect(load.failures == [])
        }
    }

    @Test("of a component that can't start is its next try")
    func failed() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", metadata: ["refuse": "true"])
            #expect(await it.reaches("store", "failed"))
            try await it.store.replace(Self.store(["label": "2"]))
            #expect(await it.reaches("store", "ready"))
            #expect(try await it.get("store", "label") == "2")
        }
    }

    @Test("and a reload of its plugin come one after the other")
    func withReload() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", metadata: ["label": "1"])
            #expect(await it.reaches("store", "ready"))
            let load = Load(it, "store", key: "label")
            for round in 2...5 {
                async let reload = it.store.reload("fixture", path: Fixtures.store(version: "\(round).0.0"))
                async let replace: Void = it.store.replace(Self.store(["label": "\(round)", "blockStart": "20ms"]))
                _ = try await (reload, replace)
                #expect(try await it.get("store", "label") == "\(round)")
                #expect(try await it.get("store", "version") == "\(round).0.0")
            }
            #expect(await load.stop())
            #expect(load.failures == [])
        }
    }

    @Test("loses no message of a subscription")
    func subscription() async throws {
        try await Harness.with(plugins: [Fixtures.shipped("memory")]) { it in
            try await it.add("broker", "pubsub.in-memory")
            #expect(await it.reaches("broker", "ready"))
            let subscriber = try await Subscriber(it, "broker")
            #expect(await eventually { subscriber.states.last == "open" })
            for round in 0..<5 {
                for message in 0..<20 { try await it.publish("broker", "\(round)-\(message)") }
                try await it.store.replace(ComponentDefinition(name: "broker", type: "pubsub.in-memory"))
            }
            try await it.publish("broker", "last")
            #expect(await eventually { Set(subscriber.texts).count == 101 })
            await subscriber.end()
        }
    }
}
