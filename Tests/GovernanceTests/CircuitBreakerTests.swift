import Testing

@testable import Governance

@Suite("A circuit breaker")
struct CircuitBreakerTests {
    private let second: Int64 = 1_000_000_000

    private func breaker(_ trip: String, maxRequests: Int = 1, interval: Duration = .zero) throws -> CircuitBreaker {
        CircuitBreaker(
            BreakerPolicy(maxRequests: maxRequests, interval: interval, timeout: .seconds(10), trip: try .init(trip)), now: 0)
    }

    private func call(_ breaker: inout CircuitBreaker, _ success: Bool, at now: Int64) -> Bool {
        guard let admitted = breaker.admit(now: now) else { return false }
        breaker.ended(admitted, success: success, now: now)
        return true
    }

    @Test("opens when its condition holds, tries again after its time, and closes after enough successes")
    func states() throws {
        var one = try breaker("consecutiveFailures >= 3", maxRequests: 2)
        for _ in 0..<2 { #expect(call(&one, false, at: 1)) }
        #expect(call(&one, true, at: 1) && call(&one, false, at: 1) && call(&one, false, at: 1))
        #expect(one.state(now: 1) == .closed)
        #expect(call(&one, false, at: 1) && one.state(now: 1) == .open && one.openings == 1)
        #expect(one.admit(now: 10 * second) == nil && one.opensIn(now: second) == 9 * second + 1)
        // Half open: so many at a time, and a failure opens it again.
        let first = try #require(one.admit(now: 11 * second) as UInt32?), second = try #require(one.admit(now: 11 * self.second) as UInt32?)
        #expect(one.admit(now: 11 * self.second) == nil && one.state(now: 11 * self.second) == .halfOpen)
        one.ended(first, success: true, now: 11 * self.second)
        one.ended(second, success: false, now: 11 * self.second)
        #expect(one.state(now: 11 * self.second) == .open && one.openings == 2)
        #expect(call(&one, true, at: 22 * self.second) && call(&one, true, at: 22 * self.second))
        #expect(one.state(now: 22 * self.second) == .closed)
    }

    @Test("counts nothing of calls that began before it changed, and of those that were not made")
    func generations() throws {
        var one = try breaker("totalFailures >= 1")
        let old = try #require(one.admit(now: 1) as UInt32?), withdrawn = try #require(one.admit(now: 1) as UInt32?)
        one.withdrawn(withdrawn)
        #expect(one.counts(now: 1).requests == 1)
        #expect(call(&one, false, at: 1) && one.state(now: 1) == .open)
        one.ended(old, success: true, now: 11 * second)
        #expect(one.state(now: 11 * second) == .halfOpen && one.counts(now: 11 * second) == .init())
    }

    @Test("forgets its counts after each interval while it is closed")
    func interval() throws {
        var one = try breaker("totalFailures > 1", interval: .seconds(5))
        #expect(call(&one, false, at: second) && call(&one, false, at: 6 * second))
        #expect(one.state(now: 6 * second) == .closed && one.counts(now: 6 * second).totalFailures == 1)
        #expect(call(&one, false, at: 7 * second) && one.state(now: 7 * second) == .open)
    }

    @Test("has conditions over five counts", arguments: [
        ("requests >= 4 && totalFailures * 2 >= requests", true), ("totalSuccesses > 2", false),
        ("consecutiveSuccesses == 0 && consecutiveFailures == 2", true),
    ])
    func conditions(trip: String, opens: Bool) throws {
        var one = try breaker(trip)
        for success in [true, true, false, false] { #expect(call(&one, success, at: 1)) }
        #expect((one.state(now: 1) == .open) == opens)
    }

    @Test("refuses conditions that are none", arguments: ["consecutiveFailures", "failures > 3", "consecutiveFailures >"])
    func refused(trip: String) { #expect(throws: (any Error).self) { try BreakerPolicy.Trip(trip) } }

    @Test("is open after more than five failures in a row when nothing is said")
    func usual() {
        var one = CircuitBreaker(BreakerPolicy(), now: 0)
        for _ in 0..<5 { #expect(call(&one, false, at: 1) && one.state(now: 1) == .closed) }
        #expect(call(&one, false, at: 1) && one.state(now: 60 * second) == .open && one.state(now: 61 * second) == .halfOpen)
    }

    @Test("never lets more than its requests through while it is half open, whatever comes", arguments: 1...20)
    func property(seed: UInt64) throws {
        var chance = Chance(seed)
        let most = Int(chance.next(1...4))
        var one = try breaker("consecutiveFailures >= 2", maxRequests: most)
        var under: [UInt32] = []
        var now: Int64 = 1
        for _ in 0..<5000 {
            now += Int64(chance.next(0...2_000_000_000))
            if chance.next(0...1) == 0, let admitted = one.admit(now: now) {
                under.append(admitted)
            } else if !under.isEmpty {
                one.ended(under.remove(at: Int(chance.next(0...UInt64(under.count - 1)))), success: chance.next(0...2) == 0, now: now)
            }
            if one.state(now: now) == .halfOpen { #expect(one.counts(now: now).requests <= most) }
        }
        #expect(one.openings > 0)
    }
}
