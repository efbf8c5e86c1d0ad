import Governance
import Testing

@testable import BuildingBlocks

@Suite("Subscriptions")
struct SubscriptionTests {
    private func definition(_ topic: String, _ path: String) -> SubscriptionDefinition {
        var definition = SubscriptionDefinition(pubsub: "bus", topic: topic)
        definition.defaultPath = path
        return definition
    }

    @Test("of resources and of the app add up, each topic once: the last resource, else what the app said last")
    func merged() {
        let (all, doubled) = SubscriptionDefinition.merged(
            declared: [definition("a", "/old"), definition("b", "/b"), definition("a", "/a")],
            programmatic: [definition("b", "/mine"), definition("c", "/early"), definition("c", "/c"), definition("b", "/again")])
        #expect(all.map(\.definition.topic) == ["a", "b", "c"])
        #expect(all.map(\.definition.defaultPath) == ["/a", "/b", "/c"])
        #expect(all.map(\.origin) == [.declarative, .declarative, .programmatic])
        #expect(doubled.map(\.topic) == ["b"])
    }

    @Test("deliver again with growing pauses, as often as the policy says; with dead letters not at all")
    func policy() {
        let forever = DeliveryPolicy(nil, hasDeadLetter: false)
        #expect((0..<9).map { forever.pause(attempt: $0) } == [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000].map { .milliseconds($0) })
        #expect(forever.pause(attempt: .max) == .seconds(10))
        #expect(DeliveryPolicy(nil, hasDeadLetter: true).pause(attempt: 0) == nil)
        let twice = DeliveryPolicy(RetryPolicy(first: .milliseconds(100), factor: 2, longest: .seconds(1), retries: 2), hasDeadLetter: true)
        #expect(twice.pause(attempt: 1) == .milliseconds(200) && twice.pause(attempt: 2) == nil)
    }

    @Test("take an event by the first rule that matches; one that has no value for it does not match", arguments: [
        (#"{"type":"a"}"#, "/a"), (#"{"type":"b","data":{"n":3}}"#, "/many"), (#"{"type":"b","data":{"n":1}}"#, "/rest"),
        (#"{"type":"b"}"#, "/rest"), (#"{}"#, "/rest"), (#"{"type":3}"#, "/rest"),
    ])
    func routes(event: String, path: String) throws {
        var definition = definition("t", "/rest")
        definition.rules = [.init(match: #"event.type == "a""#, path: "/a"), .init(match: "event.data.n > 2", path: "/many")]
        let routes = try EventRoutes(definition)
        var text = event
        let found = try text.withUTF8 { routes.path(for: try CloudEvent(UnsafeRawBufferPointer($0))) }
        #expect(found == path)
        definition.defaultPath = nil
        definition.rules = [.init(match: "event.type == ", path: "/a")]
        #expect(throws: EventRoutes.InvalidRule.self) { try EventRoutes(definition) }
    }
}

@Suite("Retries by policy")
struct RetryPolicyTests {
    @Test("wait as long each time, or longer each time up to the longest, by chance")
    func pauses() {
        let constant = DeliveryPolicy(RetryPolicy(first: .seconds(1), longest: .seconds(1)), hasDeadLetter: true)
        #expect((0..<1000).allSatisfy { constant.pause(attempt: $0) == .seconds(1) })
        let growing = RetryPolicy(first: .milliseconds(500), factor: 1.5, longest: .seconds(2), spread: 0.5)
        #expect(growing.pause(attempt: 0, chance: 0) == .milliseconds(500) && growing.pause(attempt: 1, chance: 0) == .milliseconds(750))
        #expect(growing.pause(attempt: 0, chance: -1) == .milliseconds(250) && growing.pause(attempt: 0, chance: 1) == .milliseconds(750))
        #expect(growing.pause(attempt: .max, chance: 1) == .seconds(2))
    }

    @Test("end at the dead-letter topic; without one the event comes again after the longest pause")
    func ends() {
        let retry = RetryPolicy(first: .seconds(1), longest: .seconds(9), retries: 3)
        let dead = DeliveryPolicy(retry, hasDeadLetter: true), none = DeliveryPolicy(retry, hasDeadLetter: false)
        #expect(dead.pause(attempt: 2) != nil && dead.pause(attempt: 3) == nil)
        #expect(none.pause(attempt: 3) == .seconds(9))
    }

    @Test("are those of a component that is a target, else the usual ones of its kind")
    func targets() {
        var all = InboundPolicies()
        all.pubsub.timeout = .seconds(1)
        all.targets["bus"] = InboundPolicies.Policy()
        #expect(all.policy(forPubSub: "bus").timeout == nil && all.policy(forPubSub: "other").timeout == .seconds(1))
        #expect(all.policy(forBinding: "other").timeout == nil)
    }
}

@Suite("Messages that may have ended the app")
struct SuspectMessageTests {
    private static let second: Int64 = 1_000_000_000

    private func word(_ admission: SuspectMessages.Admission) -> String {
        switch admission {
        case .ordinary: "ordinary"
        case .alone: "alone"
        case .taken: "taken"
        case .later(let time): "later \(time / Self.second)"
        case .paused(let time): "paused \(time / Self.second)"
        case .convicted(let deaths): "convicted \(deaths)"
        }
    }

    @Test("are tried one at a time once the app has been up for a while, and convicted by deaths of their own alone")
    func tried() {
        let suspects = SuspectMessages(), second = Self.second
        // However often the app goes with both in its hands.
        for now in 1...9 { for key in [1, 2] { suspects.broke(key, alone: false, now: Int64(now) * second) } }
        #expect(word(suspects.admit(3, now: 10 * second, opened: 0, wake: nil)) == "ordinary")
        #expect(word(suspects.admit(1, now: 10 * second, opened: 10 * second, wake: nil)) == "later 11")
        for death in 0..<3 {
            let first = suspects.admit(1, now: 11 * second, opened: 10 * second, wake: nil)
            #expect(word(first) == "alone", "death \(death)")
            #expect(word(suspects.admit(2, now: 11 * second, opened: 10 * second, wake: nil)) == "taken")
            suspects.broke(1, alone: true, now: 12 * second)
            withExtendedLifetime(first) {}
        }
        #expect(word(suspects.admit(1, now: 13 * second, opened: 10 * second, wake: nil)) == "convicted 12")
        #expect(word(suspects.admit(2, now: 13 * second, opened: 10 * second, wake: nil)) == "alone")
        // Where nobody else takes it it comes again, after a pause.
        #expect(word(suspects.admitConvicted(1, now: 13 * second, opened: 0, pause: 10 * second, wake: nil)) == "paused 22")
        #expect(word(suspects.admitConvicted(1, now: 22 * second, opened: 0, pause: 10 * second, wake: nil)) == "alone")
    }

    @Test("are none any more once the app has answered them, or when it was long ago")
    func acquitted() {
        let suspects = SuspectMessages(), second = Self.second
        for _ in 0..<2 { for key in [1, 2] { suspects.broke(key, alone: false, now: second) } }
        suspects.answered(1)
        #expect(word(suspects.admit(1, now: 9 * second, opened: 0, wake: nil)) == "ordinary")
        #expect(word(suspects.admit(2, now: 9 * second, opened: 0, wake: nil)) == "alone")
        #expect(word(suspects.admit(2, now: 3700 * second, opened: 0, wake: nil)) == "ordinary")
        #expect(suspects.isEmpty)
    }

    @Test("that wait are woken when a trial is over, and those that are too many are forgotten")
    func woken() {
        let suspects = SuspectMessages(), second = Self.second, woken = Woken()
        for key in 0..<20_000 { for _ in 0..<2 { suspects.broke(key, alone: false, now: second) } }
        var trial: SuspectMessages.Admission? = suspects.admit(0, now: 9 * second, opened: 0, wake: nil)
        #expect(trial.map(word) == "alone")
        #expect(word(suspects.admit(1, now: 9 * second, opened: 0, wake: { woken.count += 1 })) == "taken")
        #expect(woken.count == 0)
        trial = nil
        #expect(woken.count == 1)
        #expect(word(suspects.admit(1, now: 9 * second, opened: 0, wake: nil)) == "alone")
        #expect(word(suspects.admit(19_999, now: 9 * second, opened: 0, wake: nil)) == "ordinary")
    }

    /// Sendable: used on one thread.
    private final class Woken: @unchecked Sendable {
        var count = 0
    }
}
