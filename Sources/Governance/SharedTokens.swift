/// A runtime's part of a rate limit that it shares with others. Tokens are reserved in blocks by a store, ahead of need: a call takes one of
/// those that are here. Only where there are none, and nobody knows yet whether the store has any, a call waits for its answer. A block is
/// what is needed in a tenth of a second, and a single token where that is less. Times are CLOCK_MONOTONIC nanoseconds.
package struct SharedTokens: Sendable {
    package let policy: SharedRateLimit
    package let count: SharedCount
    private var alone: TokenBucket
    private var present = ReservedTokens.none
    private var next = ReservedTokens.none
    /// Before then the store has none, or is not asked.
    private var closedUntil = Int64.min
    private var isOrdered = false
    private var lowWater = 0

    /// The store does not answer.
    package private(set) var isAlone = false
    package private(set) var reservations = 0
    package private(set) var failures = 0
    private var failuresInARow = 0

    // What is asked for, a tenth of a second's worth each.
    private var offered = 0
    private var offeredSince = Int64.min
    private var demand = 0.0

    private var queue: [(id: UInt64, resume: @Sendable () -> Void)] = []
    /// Have waited, and go on with a token.
    private var admitted: Set<UInt64> = []
    private var lastID: UInt64 = 0

    /// How long a block should last.
    private static let horizon: Int64 = 100_000_000
    /// Between two questions when the store had too few.
    private static let pause: Int64 = 20_000_000
    /// Waiting calls; more are refused.
    private static let mostWaiting = 1024
    private static let longestAlone: Int64 = 10_000_000_000
    /// Identifiers of those that wait here have this bit.
    package static let mark: UInt64 = 1 << 63

    package init(_ limit: RateLimitPolicy, _ shared: SharedRateLimit) {
        policy = shared
        count = SharedCount(limit)
        alone = TokenBucket(limit)
    }

    package enum Taken { case yes, no(nanoseconds: Int64), later(UInt64) }

    /// A token for a call. `order`: how many tokens are to be reserved now, told to `answered` later.
    package mutating func take(now: Int64, order: inout Int?, resume: () -> @Sendable () -> Void) -> Taken {
        note(now)
        if isAlone {
            if now >= closedUntil { order = ordered(now) }
            return takeAlone(now)
        }
        if takeReserved(now) {
            if present.count + next.count < lowWater, next.count == 0, now >= closedUntil { order = ordered(now) }
            return .yes
        }
        if now < closedUntil { return .no(nanoseconds: closedUntil - now) }
        guard queue.count < Self.mostWaiting else { return .no(nanoseconds: Self.pause) }
        lastID += 1
        queue.append((lastID | Self.mark, resume()))
        order = ordered(now)
        return .later(lastID | Self.mark)
    }

    /// Whether one that has waited has a token; nanoseconds until there may be one, if not.
    package mutating func settle(_ id: UInt64, now: Int64) -> Int64 {
        admitted.remove(id) != nil ? 0 : max(closedUntil - now, 1)
    }

    /// Whether it is not decided yet.
    package func isWaiting(_ id: UInt64) -> Bool { queue.contains { $0.id == id } }

    package mutating func giveUp(_ id: UInt64) {
        if admitted.remove(id) != nil { return }
        queue.removeAll { $0.id == id }
    }

    /// The store has answered. Gives those that go on, with a token or without; `order` as above.
    package mutating func answered(_ tokens: ReservedTokens, wait: Int64, now: Int64, order: inout Int?) -> [@Sendable () -> Void] {
        isOrdered = false
        isAlone = false
        failuresInARow = 0
        reservations += 1
        present.age(now: now)
        if present.count == 0 { swap(&present, &next) }
        if present.count == 0 { present = tokens } else { next = tokens }
        closedUntil = wait > 0 ? now + max(wait, Self.pause) : Int64.min
        var served = 0
        while served < queue.count, takeReserved(now) { served += 1 }
        return release(served, all: wait > 0, now, &order)
    }

    /// The store has not.
    package mutating func failed(now: Int64, order: inout Int?) -> [@Sendable () -> Void] {
        isOrdered = false
        isAlone = true
        failures += 1
        failuresInARow = min(failuresInARow + 1, 5)
        let pause = min(500_000_000 << Int64(failuresInARow - 1), Self.longestAlone)
        closedUntil = now + pause / 2 + Int64.random(in: 0...pause / 2)
        var served = 0
        while served < queue.count, case .yes = takeAlone(now) { served += 1 }
        return release(served, all: true, now, &order)
    }

    /// The first `served` have their token.
    private mutating func release(_ served: Int, all: Bool, _ now: Int64, _ order: inout Int?) -> [@Sendable () -> Void] {
        for one in queue.prefix(served) { admitted.insert(one.id) }
        let ended = all ? queue.count : served
        let bodies = queue.prefix(ended).map(\.resume)
        queue.removeFirst(ended)
        if !queue.isEmpty { order = ordered(now) }
        return bodies
    }

    private mutating func takeReserved(_ now: Int64) -> Bool {
        if !present.take(now: now) {
            guard next.count > 0 else { return false }
            present = next
            next = .none
            guard present.take(now: now) else { return false }
        }
        // So that the limit that holds without the store begins with what has been used.
        _ = alone.take(now: now)
        return true
    }

    private mutating func takeAlone(_ now: Int64) -> Taken {
        switch policy.withoutStore {
        case .allow: return .yes
        case .refuse: return .no(nanoseconds: max(closedUntil - now, 1_000_000_000))
        case .local:
            let wait = alone.take(now: now)
            return wait > 0 ? .no(nanoseconds: wait) : .yes
        }
    }

    private mutating func note(_ now: Int64) {
        offered += 1
        let time = now - max(offeredSince, now - 10 * Self.horizon)
        guard time >= Self.horizon else { return }
        let seen = Double(offered) * Double(Self.horizon) / Double(time)
        // Up at once, down by halves.
        demand = max(seen, (demand + seen) / 2)
        (offered, offeredSince) = (0, now)
    }

    /// How many to ask for; nil: the store is being asked already.
    private mutating func ordered(_ now: Int64) -> Int? {
        if isOrdered { return nil }
        isOrdered = true
        // More than the limit yields meanwhile would only be kept from others.
        let block = min(Int(min(max(demand, Double(offered)), 1e9)), Int(Self.horizon / count.cost))
        lowWater = block / 2
        return max(block, min(queue.count, count.burst), 1)
    }
}
