import Synchronization
import Testing

@testable import Governance

@Suite("Rate limits that runtimes share")
struct SharedLimitTests {
    private static let second: Int64 = 1_000_000_000
    private static let shared = SharedRateLimit(store: "limits")

    /// Runtimes, a store that answers after a while, and calls, all in a time that is told.
    private struct World {
        let count: SharedCount
        let latency: Int64
        var full: Int64?
        var runtimes: [SharedTokens]
        var due: [(at: Int64, runtime: Int, wanted: Int)] = []
        var waiting: [[UInt64]]
        var admitted: [Int64] = []
        var questions = 0
        /// Admitted by each.
        var parts: [Int]

        init(_ limit: RateLimitPolicy, runtimes: Int, latency: Int64) {
            count = SharedCount(limit)
            self.latency = latency
            self.runtimes = Array(repeating: SharedTokens(limit, SharedLimitTests.shared), count: runtimes)
            waiting = Array(repeating: [], count: runtimes)
            parts = Array(repeating: 0, count: runtimes)
        }

        mutating func answer(until now: Int64) {
            while let index = due.indices.filter({ due[$0].at <= now }).min(by: { due[$0].at < due[$1].at }) {
                let (at, runtime, wanted) = due.remove(at: index)
                questions += 1
                // The store decides half way.
                let found = count.reserve(wanted, full: full, now: at - latency / 2)
                if found.count > 0 { full = found.full }
                var order: Int?
                _ = runtimes[runtime].answered(
                    ReservedTokens(count: found.count, first: found.first, cost: count.cost, now: at), wait: found.wait, now: at, order: &order)
                if let order { due.append((at + latency, runtime, order)) }
                let before = waiting[runtime]
                waiting[runtime] = []
                for id in before {
                    if runtimes[runtime].isWaiting(id) {
                        waiting[runtime].append(id)
                    } else if runtimes[runtime].settle(id, now: at) == 0 {
                        admitted.append(at)
                        parts[runtime] += 1
                    }
                }
            }
        }

        mutating func call(_ runtime: Int, now: Int64) {
            answer(until: now)
            var order: Int?
            switch runtimes[runtime].take(now: now, order: &order, resume: { {} }) {
            case .yes:
                admitted.append(now)
                parts[runtime] += 1
            case .no: break
            case .later(let id): waiting[runtime].append(id)
            }
            if let order { due.append((now + latency, runtime, order)) }
        }

        /// The most that began in any window of that length.
        func most(in window: Int64) -> Int {
            var most = 0, first = 0
            let all = admitted.sorted()
            for (index, time) in all.enumerated() {
                while all[first] <= time - window { first += 1 }
                most = max(most, index - first + 1)
            }
            return most
        }
    }

    @Test(
        "whatever runtimes are offered, all together admit no more than the limit and a burst in any window, and nearly all of it",
        arguments: [
            (requests: 5, runtimes: 2, every: 1_000_000), (5, 3, 7_000_000), (100, 2, 400_000), (100, 5, 1_000_000), (1000, 2, 100_000),
            (1000, 3, 90_000), (5000, 3, 40_000),
        ] as [(requests: Int, runtimes: Int, every: Int64)])
    func overload(_ requests: Int, _ runtimes: Int, _ every: Int64) {
        var world = World(RateLimitPolicy(requests: requests), runtimes: runtimes, latency: 2_000_000)
        let start = 1000 * Self.second, length = 6 * Self.second
        var random = SystemRandomNumberGenerator()
        for now in stride(from: start, to: start + length, by: Int(every)) {
            world.call(Int.random(in: 0..<runtimes, using: &random), now: Int64(now))
        }
        world.answer(until: start + length)
        for seconds in 1...5 {
            let most = world.most(in: Int64(seconds) * Self.second)
            #expect(most <= requests * seconds + requests, "\(most) in \(seconds) s")
        }
        let all = world.admitted.count
        #expect(Double(all) >= 0.9 * Double(requests * 6), "\(all)")
        #expect(world.questions < 55 * runtimes * 6, "\(world.questions) questions")
        #expect(world.parts.allSatisfy { $0 > 0 })
    }

    @Test("below the limit every call is admitted, and the store is asked far less than once a call")
    func belowTheLimit() {
        var world = World(RateLimitPolicy(requests: 2000), runtimes: 3, latency: 2_000_000)
        let start = 1000 * Self.second
        var calls = 0
        for now in stride(from: start, to: start + 5 * Self.second, by: 1_000_000) {
            world.call(calls % 3, now: now)
            calls += 1
        }
        world.answer(until: start + 6 * Self.second)
        #expect(world.admitted.count == calls)
        #expect(world.questions < calls / 5, "\(world.questions) questions for \(calls) calls")
    }

    @Test("what an idle runtime has reserved is not kept from the others")
    func idle() {
        var world = World(RateLimitPolicy(requests: 1000), runtimes: 2, latency: 2_000_000)
        let start = 1000 * Self.second
        for now in stride(from: start, to: start + Self.second, by: 1_100_000) { world.call(0, now: now) }
        world.admitted = []
        for now in stride(from: start + Self.second, to: start + 4 * Self.second, by: 200_000) { world.call(1, now: now) }
        #expect(world.admitted.count >= 2700 && world.most(in: Self.second) <= 2000, "\(world.admitted.count)")
    }

    @Test("a single call after a long time gets its token, in a small limit the whole burst")
    func first() {
        for requests in [1, 2, 5, 50] {
            var world = World(RateLimitPolicy(requests: requests, interval: .seconds(3600)), runtimes: 2, latency: 3_000_000)
            let start = 1000 * Self.second
            for number in 0..<2 * requests { world.call(number % 2, now: start + Int64(number) * 10_000_000) }
            world.answer(until: start + 10 * Self.second)
            #expect(world.admitted.count == requests)
        }
    }

    @Test("a place in the count that no clock of today has given is not waited for")
    func wrongClock() {
        let count = SharedCount(RateLimitPolicy(requests: 10))
        let now = 1_000_000 * Self.second
        let found = count.reserve(5, full: now + 3600 * Self.second, now: now)
        #expect(found.count == 0 && found.wait <= Self.second)
        // A little ahead is another's clock, or another limit, and counts.
        #expect(count.reserve(5, full: now + 3 * Self.second, now: now).wait > Self.second)
    }

    @Test("without the store each has the limit for itself, lets all through or none, and asks again")
    func alone() {
        for (fallback, expected) in [(SharedRateLimit.Fallback.local, 5), (.allow, 20), (.refuse, 0)] {
            var tokens = SharedTokens(RateLimitPolicy(requests: 5, interval: .seconds(60)), .init(store: "limits", withoutStore: fallback))
            var order: Int?, now = 100 * Self.second
            let resumed = Atomic(0)
            var ids: [UInt64] = [], orders: [Int?] = []
            for _ in 0..<2 {
                guard case .later(let id) = tokens.take(now: now, order: &order, resume: { { resumed.add(1, ordering: .relaxed) } }) else {
                    return #expect(Bool(false), "it did not wait")
                }
                ids.append(id)
                orders.append(order)
            }
            #expect(orders == [1, nil])
            for body in tokens.failed(now: now, order: &order) { body() }
            #expect(tokens.isAlone)
            var admitted = ids.count { tokens.settle($0, now: now) == 0 }
            order = nil
            for _ in 0..<18 { if case .yes = tokens.take(now: now, order: &order, resume: { {} }) { admitted += 1 } }
            #expect(admitted == expected && order == nil)
            now += 11 * Self.second
            _ = tokens.take(now: now, order: &order, resume: { {} })
            #expect(order != nil)
            order = nil
            _ = tokens.answered(ReservedTokens(count: 1, first: now + Self.second, cost: 1, now: now), wait: 0, now: now, order: &order)
            #expect(!tokens.isAlone)
            guard case .yes = tokens.take(now: now, order: &order, resume: { {} }) else { return #expect(Bool(false), "no token") }
        }
    }

    @Test("who waits and goes away takes nothing with it, and a call that has its token still meets the bulkhead")
    func governor() throws {
        let origin = PolicyOrigin(resource: "r", name: "r", place: "f", reason: "test")
        var policy = CallPolicy()
        policy.rateLimit = Chosen(RateLimitPolicy(requests: 10, shared: Self.shared), name: "n", origin: origin)
        policy.bulkhead = Chosen(BulkheadPolicy(maxConcurrent: 1), name: "n", origin: origin)
        let orders = Mutex<[Int]>([])
        let one = Governor(target: "app/x", policy: policy, now: 1) { _, count in orders.withLock { $0.append(count) } }
        let now = 100 * Self.second
        guard case .wait(let gone, nil) = one.enter(now: now, isFirst: true, resume: {}), case .wait(let first, nil) = one.enter(now: now, isFirst: true, resume: {}),
            case .wait(let second, nil) = one.enter(now: now, isFirst: true, resume: {})
        else { return #expect(Bool(false), "they did not wait") }
        #expect(orders.withLock { $0 } == [1])
        one.giveUp(gone)
        one.reserved((ReservedTokens(count: 2, first: now + Self.second, cost: 100_000_000, now: now), 0), now: now)
        guard case .go(let ticket) = one.enterHeld(first, now: now, resume: {}) else { return #expect(Bool(false), "it did not go") }
        guard case .refused(.full) = one.enterHeld(second, now: now, resume: {}) else { return #expect(Bool(false), "it was not refused") }
        one.leave(ticket, success: true, now: now)
        let snapshot = one.snapshot(now: now)
        #expect(snapshot.totals.calls == 3 && snapshot.totals.refused == 1 && snapshot.reservations == 1 && snapshot.isAlone == false)
    }
}
