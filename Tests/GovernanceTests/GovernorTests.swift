import Testing

@testable import Governance

@Suite("The policies of a target together")
struct GovernorTests {
    private static let origin = PolicyOrigin(resource: "r", name: "r", place: "f", reason: "test")
    private func chosen<Value>(_ value: Value) -> Chosen<Value> { Chosen(value, name: "n", origin: Self.origin) }
    private func go(_ entry: Governor.Entry) -> Governor.Ticket? {
        if case .go(let ticket) = entry { return ticket }
        return nil
    }
    private func refusal(_ entry: Governor.Entry) -> Governor.Refusal? {
        if case .refused(let refusal) = entry { return refusal }
        return nil
    }

    @Test("an open breaker refuses, is not tried again, and gives its place in the bulkhead back")
    func breaker() throws {
        var policy = CallPolicy()
        policy.breaker = chosen(BreakerPolicy(timeout: .seconds(5), trip: try .init("consecutiveFailures >= 1")))
        policy.bulkhead = chosen(BulkheadPolicy(maxConcurrent: 1))
        policy.concurrency = chosen(ConcurrencyPolicy(minimum: 1))
        let one = Governor(target: "app/x", policy: policy, now: 1)
        let ticket = try #require(go(one.enter(now: 1, isFirst: false, resume: {})))
        #expect(refusal(one.enter(now: 1, isFirst: false, resume: {})) == .full)
        one.leave(ticket, success: false, now: 2)
        for _ in 0..<3 { #expect(refusal(one.enter(now: 2, isFirst: false, resume: {})) == .breakerOpen(nanoseconds: 5_000_000_000)) }
        let snapshot = one.snapshot(now: 2)
        #expect(snapshot.inFlight == 0 && snapshot.breaker == .open && snapshot.totals.refused == 4 && snapshot.totals.failures == 1)
        #expect(Governor.Refusal.breakerOpen(nanoseconds: 4_100_000_000).retryAfter == 5)
        let again = try #require(go(one.enter(now: 6_000_000_000, isFirst: false, resume: {})))
        one.abandon(again)
        #expect(one.snapshot(now: 6_000_000_000).inFlight == 0 && go(one.enter(now: 6_000_000_000, isFirst: false, resume: {})) != nil)
    }

    @Test("who waits is let in when another leaves, in order, and may go away at any moment")
    func waiting() throws {
        var policy = CallPolicy()
        policy.bulkhead = chosen(BulkheadPolicy(maxConcurrent: 1, maxQueued: 2))
        let one = Governor(target: "app/x", policy: policy, now: 1)
        let resumed = Resumed()
        let first = try #require(go(one.enter(now: 1, isFirst: false, resume: {})))
        guard case .wait(let second, nil) = one.enter(now: 1, isFirst: false, resume: { resumed.add(2) }), case .wait(let waiting, nil) = one.enter(now: 1, isFirst: false, resume: { resumed.add(3) })
        else { return #expect(Bool(false)) }
        one.leave(first, success: true, now: 2)
        #expect(resumed.all == [2])
        // It goes away with its place.
        one.giveUp(second)
        #expect(resumed.all == [2, 3])
        let third = try #require(go(one.enterHeld(waiting, now: 3, resume: {})))
        one.leave(third, success: true, now: 4)
        #expect(one.snapshot(now: 4).inFlight == 0)
    }

    @Test("retries follow the rule and the budget")
    func retries() {
        var policy = CallPolicy()
        policy.retry = chosen(RetryPolicy(first: .seconds(1), longest: .seconds(1), retries: 2, matching: .init(http: [500...599])))
        policy.budget = chosen(RetryBudgetPolicy(share: 0, minRetries: 2))
        let one = Governor(target: "app/x", policy: policy, now: 1)
        #expect(one.pause(beforeRetry: 0, after: .http(404), chance: 0, now: 1) == nil)
        #expect(one.pause(beforeRetry: 2, after: .http(503), chance: 0, now: 1) == nil)
        #expect(one.pause(beforeRetry: 0, after: .http(503), chance: 0, now: 1) == .seconds(1))
        #expect(one.pause(beforeRetry: 1, after: .none, chance: 0, now: 1) == .seconds(1))
        #expect(one.pause(beforeRetry: 0, after: .http(503), chance: 0, now: 1) == nil)
        #expect(one.snapshot(now: 1).totals.retries == 2)
    }

    @Test("a rate limit counts calls, and not their tries")
    func rate() {
        var policy = CallPolicy()
        policy.rateLimit = chosen(RateLimitPolicy(requests: 2))
        let one = Governor(target: "app/x", policy: policy, now: 1)
        for _ in 0..<2 { #expect(go(one.enter(now: 1, isFirst: true, resume: {})) != nil) }
        guard case .refused(.rateLimited(let wait)) = one.enter(now: 1, isFirst: true, resume: {}) else { return #expect(Bool(false)) }
        #expect(wait > 0 && go(one.enter(now: 1, isFirst: false, resume: {})) != nil && one.snapshot(now: 1).totals.calls == 3)
    }
}

/// Who was called, in order.
private final class Resumed: @unchecked Sendable { // used by one test, on its own thread
    var all: [Int] = []
    func add(_ one: Int) { all.append(one) }
}
