import COctavo
import Glibc
import Testing

@testable import Components

@Suite("What a component delivers", .serialized)
struct SourceTests {
    static let types = ["pubsub.broker", "pubsub.broker-reactor", "pubsub.broker-blocking"]

    private func with(
        _ type: String, isolated: Bool, _ metadata: [String: String] = [:], durable: Bool = false,
        _ body: (Harness) async throws -> Void
    ) async throws {
        try await Harness.with(plugins: [Fixtures.broker()], isolated: isolated, isolation: { $0.crashLoopLimit = 0 }) { it in
            try await it.add("broker", type, metadata: metadata.merging(durable ? ["folder": it.folder + "/data"] : [:]) { $1 })
            let isReady = await it.reaches("broker", "ready")
            let reason = await it.facts("broker")?.reason ?? ""
            try #require(isReady, "\(reason)")
            try await body(it)
        }
    }

    @Test("comes in order, as much at a time as was granted, and is settled once", arguments: types, [false, true])
    func order(type: String, isolated: Bool) async throws {
        try await with(type, isolated: isolated) { it in
            let subscriber = try await Subscriber(it, "broker", window: 8)
            for number in 0..<500 { try await it.publish("broker", "\(number)") }
            #expect(await eventually { subscriber.texts.count == 500 })
            #expect(subscriber.texts == (0..<500).map { "\($0)" })
            #expect(subscriber.mostUnsettled <= 8)
            await subscriber.end()
            #expect(await eventually { subscriber.states == ["waiting", "open", "ended"] })
            // The broker has it still, for whoever comes next.
            try await it.publish("broker", "later")
            let next = try await Subscriber(it, "broker", loop: 1)
            #expect(await eventually { next.texts == ["later"] })
            #expect(subscriber.texts.count == 500)
        }
    }

    @Test("comes again when that was asked for, and stops while it is paused", arguments: types, [false, true])
    func again(type: String, isolated: Bool) async throws {
        try await with(type, isolated: isolated) { it in
            let subscriber = try await Subscriber(it, "broker", window: 2) { text, times in
                text == "twice" && times == 1 ? OCTAVO_SETTLE_RETRY : OCTAVO_SETTLE_ACK
            }
            for text in ["twice", "once"] { try await it.publish("broker", text) }
            #expect(await eventually { subscriber.texts.sorted() == ["once", "twice", "twice"] })
            await subscriber.pause()
            #expect(await eventually { subscriber.states.last == "open" })
            // What was granted before may still come; then nothing does.
            for number in 0..<20 { try await it.publish("broker", "\(number)") }
            let before = subscriber.texts.count
            #expect(before <= 5)
            try await it.publish("broker", "last")
            #expect(subscriber.texts.count == before)
            await subscriber.resume()
            #expect(await eventually { subscriber.texts.count == 24 })
            #expect(subscriber.texts.last == "last")
        }
    }

    @Test("is not more than may be unsettled, and what was never settled comes to the next", arguments: types, [false, true])
    func window(type: String, isolated: Bool) async throws {
        try await with(type, isolated: isolated) { it in
            let keeper = try await Subscriber(it, "broker", window: 3) { _, _ in -1 }
            for number in 0..<10 { try await it.publish("broker", "\(number)") }
            #expect(await eventually { keeper.texts == ["0", "1", "2"] })
            let other = try await Subscriber(it, "broker", loop: 1, window: 100)
            #expect(await eventually { other.texts.count == 7 })
            await keeper.end()
            #expect(await eventually { Set(other.texts).count == 10 })
            #expect(keeper.texts.count == 3)
        }
    }

    @Test("is opened again until it works, and after it has ended by itself", arguments: types, [false, true])
    func failures(type: String, isolated: Bool) async throws {
        try await with(type, isolated: isolated, ["failures": "3"]) { it in
            let subscriber = try await Subscriber(it, "broker")
            #expect(await eventually { subscriber.states.last == "open" })
            #expect(subscriber.states == Array(repeating: ["waiting", "failed: not yet"], count: 3).flatMap { $0 } + ["waiting", "open"])
            for text in ["a", "end", "b"] { try await it.publish("broker", text) }
            #expect(await eventually { Set(subscriber.texts) == ["a", "end", "b"] })
            #expect(await eventually { subscriber.states.suffix(3) == ["failed: the broker has gone", "waiting", "open"] })
        }
    }

    @Test("goes on after its process was killed: nothing is lost", arguments: types)
    func killed(type: String) async throws {
        try await with(type, isolated: true, durable: true) { it in
            let subscriber = try await Subscriber(it, "broker", window: 32)
            let other = try await Subscriber(it, "broker", loop: 1, window: 32)
            var published: Set<String> = []
            for round in 0..<10 {
                let pid = try #require(await it.store.pluginFacts().first?.isolation?.pid)
                try #require(pid > 0)
                for number in 0..<50 {
                    let text = "\(round)-\(number)"
                    // One whose outcome is not known may have been taken, or not.
                    if (try? await it.publish("broker", text)) != nil { published.insert(text) }
                    if number == 25 { kill(pid, SIGKILL) }
                }
                // 0 while there is none, and a signal to 0 would be for all of the test's own processes.
                let isBack = await eventually {
                    let now = await it.store.pluginFacts().first?.isolation?.pid ?? 0
                    return now > 0 && now != pid
                }
                try #require(isBack)
            }
            #expect(published.count > 400)
            let wanted = published
            #expect(await eventually { wanted.isSubset(of: Set(subscriber.texts + other.texts)) })
            for one in [subscriber, other] {
                #expect(one.states.count { $0 == "open" } >= 5)
                #expect(await eventually { one.states.last == "open" })
            }
        }
    }

    @Test("goes on across reloads: nothing is lost and nothing comes twice", arguments: types, [false, true])
    func reloads(type: String, isolated: Bool) async throws {
        try await with(type, isolated: isolated, durable: true) { it in
            let subscriber = try await Subscriber(it, "broker", window: 32)
            let publisher = Task {
                var count = 0
                while !Task.isCancelled {
                    // Not more than the subscriber takes: a reload waits for what was delivered.
                    let ahead = count - 200
                    #expect(await eventually { subscriber.texts.count >= ahead })
                    try await it.publish("broker", "\(count)")
                    count += 1
                }
                return count
            }
            for round in 2...4 {
                let before = subscriber.texts.count
                #expect(await eventually { subscriber.texts.count > before + 20 })
                let report = try await it.store.reload("broker", path: Fixtures.broker(version: "\(round).0.0"))
                #expect(report.stillMapped == nil)
            }
            let before = subscriber.texts.count
            #expect(await eventually { subscriber.texts.count > before + 20 })
            publisher.cancel()
            let count = try await publisher.value
            #expect(try await it.publish("broker", "last") == "4.0.0")
            #expect(await eventually { subscriber.texts.count >= count + 1 })
            #expect(subscriber.texts.count == count + 1)
            #expect(Set(subscriber.texts).count == count + 1)
            #expect(subscriber.states.count { $0.hasPrefix("failed") } == 0)
        }
    }

    @Test("goes on when a process dies in the middle of a reload", arguments: types)
    func killedInReload(type: String) async throws {
        try await with(type, isolated: true, durable: true) { it in
            let subscriber = try await Subscriber(it, "broker", window: 32)
            let publisher = Task {
                var published: Set<String> = []
                var count = 0
                while !Task.isCancelled {
                    let text = "\(count)"
                    if (try? await it.publish("broker", text)) != nil { published.insert(text) }
                    count += 1
                }
                return published
            }
            for round in 2...21 {
                let pid = await it.store.pluginFacts().first?.isolation?.pid ?? 0
                async let reload = try? it.store.reload("broker", path: Fixtures.broker(version: "\(round).0.0"))
                // Now and then in the middle of it.
                if pid > 0 {
                    usleep(UInt32(round % 7) * 1500)
                    kill(pid, SIGKILL)
                }
                if let report = await reload { #expect(report.stillMapped == nil) }
            }
            publisher.cancel()
            let wanted = await publisher.value
            #expect(await eventually { wanted.isSubset(of: Set(subscriber.texts)) })
            #expect(await eventually { await it.facts("broker")?.inFlight == 0 })
            #expect(await it.store.pluginFacts().first?.retired.isEmpty == true)
        }
    }

    @Test("ends with its component", arguments: types, [false, true])
    func removed(type: String, isolated: Bool) async throws {
        try await with(type, isolated: isolated) { it in
            let subscriber = try await Subscriber(it, "broker")
            #expect(await eventually { subscriber.states.last == "open" })
            try await it.store.remove("broker")
            #expect(await eventually { subscriber.states.last == "ended" })
        }
    }

    @Test("comes as fast as it is taken; what is not taken in time is fetched anew", arguments: [false, true])
    func changes(isolated: Bool) async throws {
        try await with("configuration.broker", isolated: isolated, ["changes": "20000"]) { it in
            let subscriber = try await Subscriber(it, "broker")
            #expect(await eventually { subscriber.texts.contains("20000") || subscriber.states.contains { $0.hasPrefix("failed") } })
            // Either all came, in order, or the loss was told and it began anew.
            let failed = subscriber.states.first { $0.hasPrefix("failed") }
            if let failed {
                #expect(failed == "failed: changes come faster than they are taken; the source is opened again")
                #expect(await eventually { subscriber.states.count { $0 == "open" } >= 2 })
            } else {
                #expect(subscriber.texts == (1...20000).map { "\($0)" })
            }
            await subscriber.end()
        }
    }
}
