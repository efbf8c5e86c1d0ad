import Testing

@testable import Governance

@Suite("Limits")
struct LimitTests {
    private let second: Int64 = 1_000_000_000

    @Test("a token bucket gives its burst, then its rate, and says when there is one again")
    func bucket() {
        var one = TokenBucket(RateLimitPolicy(requests: 10, burst: 3))
        for _ in 0..<3 { #expect(one.take(now: 5) == 0) }
        let wait = one.take(now: 5)
        #expect(wait == 100_000_000 && one.refused == 1)
        #expect(one.take(now: 5 + wait) == 0 && one.take(now: 5 + wait) > 0)
        for _ in 0..<3 { #expect(one.take(now: 100 * second) == 0) }
        // A clock that goes back gives nothing.
        #expect(one.take(now: 50 * second) > 0)
    }

    @Test("a token bucket never gives more than rate * t + burst, whenever it is asked", arguments: 1...30)
    func bucketBound(seed: UInt64) {
        var chance = Chance(seed)
        let policy = RateLimitPolicy(
            requests: Int(chance.next(1...1000)), interval: .milliseconds(Int64(chance.next(1...5000))), burst: Int(chance.next(1...50)))
        var one = TokenBucket(policy)
        let rate = Double(policy.requests) / Double(policy.interval.nanoseconds)
        var given: [Int64] = []
        var now: Int64 = 1
        for _ in 0..<3000 {
            now += Int64(chance.next(0...UInt64(2 / rate)))
            let wait = one.take(now: now)
            if wait == 0 { given.append(now) } else { #expect(wait > 0) }
        }
        #expect(given.count > 100)
        // Over every stretch of time, not only from the start.
        for first in stride(from: 0, to: given.count, by: 17) {
            for last in stride(from: first, to: given.count, by: 13) {
                let most = rate * Double(given[last] - given[first]) + Double(policy.burst)
                #expect(Double(last - first + 1) <= most + 1e-6)
            }
        }
    }

    @Test("what a token bucket says to wait is enough, and not more than it takes", arguments: 1...10)
    func bucketWait(seed: UInt64) {
        var chance = Chance(seed)
        var one = TokenBucket(RateLimitPolicy(requests: Int(chance.next(1...500)), burst: Int(chance.next(1...5))))
        var now: Int64 = 1
        for _ in 0..<1000 {
            now += Int64(chance.next(0...10_000_000))
            let wait = one.take(now: now)
            guard wait > 0 else { continue }
            var copy = one
            #expect(copy.take(now: now + wait - 1) > 0)
            copy = one
            #expect(copy.take(now: now + wait) == 0)
        }
    }

    @Test("a retry budget lets its share be retries, and a few in any case")
    func budget() {
        var one = RetryBudget(RetryBudgetPolicy(share: 0.2, minRetries: 2, window: .seconds(10)))
        #expect(one.spend(now: 1) && one.spend(now: 1) && !one.spend(now: 1) && one.refused == 1)
        for _ in 0..<50 { one.tried(now: 1) }
        for _ in 0..<8 { #expect(one.spend(now: second) == true) }
        #expect(one.spend(now: second) == false)
        // The window has gone on.
        #expect(one.spend(now: 30 * second) && one.spend(now: 30 * second) && !one.spend(now: 30 * second))
    }

    @Test("a retry budget is never exceeded", arguments: 1...30)
    func budgetBound(seed: UInt64) {
        var chance = Chance(seed)
        let policy = RetryBudgetPolicy(
            share: Double(chance.next(0...100)) / 100, minRetries: Int(chance.next(0...5)), window: .seconds(10))
        var one = RetryBudget(policy)
        var tries: [Int64] = [], retries: [Int64] = []
        var now: Int64 = 1
        for _ in 0..<4000 {
            now += Int64(chance.next(0...20_000_000))
            if chance.next(0...1) == 0 {
                one.tried(now: now)
                tries.append(now)
            } else if one.spend(now: now) {
                retries.append(now)
            }
        }
        // The window moves in tenths, so what it counts is at most a tenth shorter than itself.
        for end in retries {
            let first = tries.filter { $0 > end - policy.window.nanoseconds && $0 <= end }.count
            let again = retries.filter { $0 > end - policy.window.nanoseconds * 9 / 10 && $0 <= end }.count
            #expect(again <= max(policy.minRetries, Int(Double(first) * policy.share)))
        }
    }

    @Test("a bulkhead lets so many in, so many wait in their order, and refuses the rest")
    func bulkhead() {
        var one = Bulkhead<Int>(BulkheadPolicy(maxConcurrent: 2, maxQueued: 2))
        #expect(one.enter(0) == .now && one.enter(1) == .now)
        #expect(one.enter(2) == .later(1) && one.enter(3) == .later(2) && one.enter(4) == .refused && one.refused == 1)
        #expect(one.leave() == 2 && one.inFlight == 2)
        #expect(one.giveUp(2) && !one.giveUp(2))
        #expect(one.leave() == nil && one.leave() == nil && one.inFlight == 0 && one.leave() == nil && one.inFlight == 0)
    }

    @Test("a bulkhead never has more under way or waiting than it may, and forgets nobody", arguments: 1...20)
    func bulkheadBound(seed: UInt64) {
        var chance = Chance(seed)
        let policy = BulkheadPolicy(maxConcurrent: Int(chance.next(1...5)), maxQueued: Int(chance.next(0...5)))
        var one = Bulkhead<Int>(policy)
        var running: Set<Int> = [], waiting: [(UInt64, Int)] = []
        for call in 0..<3000 {
            switch chance.next(0...3) {
            case 0...1:
                switch one.enter(call) {
                case .now: running.insert(call)
                case .later(let id): waiting.append((id, call))
                case .refused: #expect(waiting.count == policy.maxQueued && running.count == policy.maxConcurrent)
                }
            case 2:
                guard let ended = running.min() else { continue }
                running.remove(ended)
                let next = one.leave()
                #expect(next == waiting.first?.1)
                if let next {
                    waiting.removeFirst()
                    running.insert(next)
                }
            default:
                guard let gone = waiting.last else { continue }
                #expect(one.giveUp(gone.0) == true)
                waiting.removeLast()
            }
            #expect(one.inFlight == running.count && one.queued == waiting.count)
            #expect(running.count <= policy.maxConcurrent && waiting.count <= policy.maxQueued)
        }
    }

    /// A backend that serves so many at a time, 10 ms each; the others wait.
    private func settled(_ capacity: Int, _ policy: ConcurrencyPolicy) -> ConcurrencyLimit {
        var one = ConcurrencyLimit(policy)
        var now: Int64 = 1
        for _ in 0..<4000 {
            var under = 0
            while one.enter() { under += 1 }
            let rounds = Int64((under + capacity - 1) / capacity)
            let began = now
            now += rounds * 10_000_000
            for _ in 0..<under { one.leave(began: began, overloaded: false, now: now) }
        }
        return one
    }

    @Test("an adaptive limit finds about what the backend can do", arguments: [8, 40, 120])
    func adaptive(capacity: Int) {
        let one = settled(capacity, ConcurrencyPolicy(minimum: 2, maximum: 1000, initial: 20))
        #expect(one.limit >= capacity / 2 && one.limit <= capacity * 4, "\(one.limit)")
        #expect(one.inFlight == 0 && one.refused > 0)
    }

    @Test("an adaptive limit sinks with timeouts and stays within its bounds")
    func adaptiveBounds() {
        var one = settled(100, ConcurrencyPolicy(minimum: 3, maximum: 50))
        #expect(one.limit <= 50)
        for _ in 0..<100 where one.enter() { one.leave(began: 1, overloaded: true, now: 1_000_000_001) }
        #expect(one.limit == 3)
        // An idle target does not raise its limit by being idle.
        for _ in 0..<1000 where one.enter() { one.leave(began: 1_000_000_000_000_000_000, overloaded: false, now: 1_000_000_000_010_000_000) }
        #expect(one.limit <= 8, "\(one.limit)")
    }
}
