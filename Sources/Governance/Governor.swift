import Synchronization

/// The policies of one target at work, for all event loops: what of them remembers anything is here, behind one lock that is taken
/// twice a call. Times are CLOCK_MONOTONIC nanoseconds that the caller gives. Allocates nothing unless a call has to wait.
package final class Governor: Sendable {
    /// `app/shop`, `component/statestore/outbound`.
    package let target: String
    package let policy: CallPolicy
    /// Whether a few milliseconds matter to it, so that a coarse clock does not do.
    package let needsExactTime: Bool
    // What each call asks of `policy`.
    package let timeout: Duration?
    package let mayRetry: Bool
    package let hasRoute: Bool
    package let hasFault: Bool
    package let hasMirror: Bool
    package let hasHedge: Bool
    package let hasOutlier: Bool
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var breaker: CircuitBreaker?
        var budget: RetryBudget?
        var bucket: TokenBucket?
        var shared: SharedTokens?
        var concurrency: ConcurrencyLimit?
        var bulkhead: Bulkhead<@Sendable () -> Void>?
        var totals = Totals()
        /// Calls, by what the circuit breaker was when they came.
        var breakerCalls = CircuitBreaker.ByState()
    }

    /// Since the policies began.
    package struct Totals: Sendable, Equatable {
        package var calls = 0
        package var attempts = 0
        package var failures = 0
        package var retries = 0
        package var timeouts = 0
        package var refused = 0
        /// Faults that were made on purpose.
        package var faults = 0
        package var ejections = 0
        package var hedges = 0
        package var mirrored = 0

        package init() {}
    }

    /// Has tokens of a shared limit reserved, and tells `reserved` of it; at once, on whatever thread a call is.
    private let reserve: @Sendable (Governor, Int) -> Void

    package init(
        target: String, policy: CallPolicy, now: Int64,
        reserve: @escaping @Sendable (Governor, Int) -> Void = { governor, _ in governor.reserved(nil, now: 0) }
    ) {
        self.reserve = reserve
        self.target = target
        self.policy = policy
        timeout = policy.timeout?.value
        mayRetry = policy.retry != nil
        hasRoute = policy.route != nil
        hasFault = policy.fault != nil
        hasMirror = policy.mirror != nil
        hasHedge = policy.hedge != nil
        hasOutlier = policy.outlier != nil
        needsExactTime = policy.rateLimit != nil || policy.concurrency != nil || policy.bulkhead != nil
        state = Mutex(
            State(
                breaker: policy.breaker.map { CircuitBreaker($0.value, now: now) }, budget: policy.budget.map { RetryBudget($0.value) },
                bucket: policy.rateLimit.flatMap { $0.value.shared == nil ? TokenBucket($0.value) : nil },
                shared: policy.rateLimit.flatMap { limit in limit.value.shared.map { SharedTokens(limit.value, $0) } },
                concurrency: policy.concurrency.map { ConcurrencyLimit($0.value) },
                bulkhead: policy.bulkhead.map { Bulkhead($0.value) }))
    }

    /// Why a call was not made.
    package enum Refusal: Sendable, Equatable {
        case breakerOpen(nanoseconds: Int64)
        case rateLimited(nanoseconds: Int64)
        case full
        case waitedTooLong
        case adaptiveLimit(Int)

        /// The rest of a sentence that begins with the target.
        package var cause: String {
            switch self {
            case .breakerOpen: "circuit breaker is open"
            case .rateLimited: "the rate limit is reached"
            case .full: "the bulkhead is full"
            case .waitedTooLong: "no place in the bulkhead became free in time"
            case .adaptiveLimit(let limit): "the concurrency limit, now \(limit), is reached"
            }
        }

        /// Whole seconds after which it is worth another try; nil when nobody knows.
        package var retryAfter: Int? {
            switch self {
            case .breakerOpen(let time), .rateLimited(let time): Int(max(1, (time + 999_999_999) / 1_000_000_000))
            default: nil
            }
        }
    }

    /// A place among the calls under way.
    package struct Ticket: Sendable {
        let breaker: UInt32?
        let began: Int64
    }

    package enum Entry: Sendable {
        case go(Ticket)
        case refused(Refusal)
        /// `resume` is called when it is decided: `enterHeld` is next. `most`: who waits longer than that gives up.
        case wait(UInt64, most: Duration?)
    }

    // MARK: A try

    /// `isFirst`: of its call, which a rate limit and a budget count. `resume`: on any thread, when there is a place for one that waits.
    package func enter(now: Int64, isFirst: Bool, resume: @autoclosure () -> @Sendable () -> Void) -> Entry {
        var order: Int?
        let (entry, next) = state.withLock { state -> (Entry, Resume?) in
            if isFirst {
                state.totals.calls += 1
                if let breaker = state.breaker?.state(now: now) { state.breakerCalls[breaker] += 1 }
                if let wait = state.bucket?.take(now: now), wait > 0 {
                    state.totals.refused += 1
                    return (.refused(.rateLimited(nanoseconds: wait)), nil)
                }
                switch state.shared?.take(now: now, order: &order, resume: resume) {
                case nil, .yes: break
                case .later(let id): return (.wait(id, most: nil), nil)
                case .no(let wait):
                    state.totals.refused += 1
                    return (.refused(.rateLimited(nanoseconds: wait)), nil)
                }
                state.budget?.tried(now: now)
            }
            return admit(&state, now, resume)
        }
        if let order { reserve(self, order) }
        next?()
        return entry
    }

    /// After `resume`; `id`: what was waited by. It may have to wait once more, for something else.
    package func enterHeld(_ id: UInt64, now: Int64, resume: @autoclosure () -> @Sendable () -> Void) -> Entry {
        let (entry, next) = state.withLock { state -> (Entry, Resume?) in
            guard id & SharedTokens.mark != 0 else { return Self.pass(&state, now) }
            if let wait = state.shared?.settle(id, now: now), wait > 0 {
                state.totals.refused += 1
                return (.refused(.rateLimited(nanoseconds: wait)), nil)
            }
            state.budget?.tried(now: now)
            return admit(&state, now, resume)
        }
        next?()
        return entry
    }

    private func admit(_ state: inout State, _ now: Int64, _ resume: () -> @Sendable () -> Void) -> (Entry, Resume?) {
        switch state.bulkhead?.enter(resume()) {
        case nil, .now: return Self.pass(&state, now)
        case .later(let id): return (.wait(id, most: policy.bulkhead?.value.maxWait), nil)
        case .refused:
            state.totals.refused += 1
            return (.refused(.full), nil)
        }
    }

    // MARK: A shared limit

    /// Tokens of the store, and nanoseconds until there are more, 0 if there are; nil: it did not answer. Gives whether that is news.
    @discardableResult
    package func reserved(_ answer: (tokens: ReservedTokens, wait: Int64)?, now: Int64) -> Bool {
        var order: Int?
        let (ready, isNews) = state.withLock { state -> ([Resume], Bool) in
            guard let before = state.shared?.isAlone else { return ([], false) }
            let ready =
                if let answer {
                    state.shared?.answered(answer.tokens, wait: answer.wait, now: now, order: &order)
                } else {
                    state.shared?.failed(now: now, order: &order)
                }
            return (ready ?? [], state.shared?.isAlone != before)
        }
        for body in ready { body() }
        if let order { reserve(self, order) }
        return isNews
    }

    /// A caller that waits goes away, or waited too long. Does the right thing also when `resume` is on its way.
    package func giveUp(_ waiting: UInt64, tooLong: Bool = false) {
        let next = state.withLock { state -> Resume? in
            if tooLong { state.totals.refused += 1 }
            if waiting & SharedTokens.mark != 0 {
                state.shared?.giveUp(waiting)
                return nil
            }
            if state.bulkhead?.giveUp(waiting) ?? true { return nil }
            return state.bulkhead?.leave() ?? nil
        }
        next?()
    }

    /// A try has ended. `overloaded`: for want of room or time.
    package func leave(_ ticket: Ticket, success: Bool, overloaded: Bool = false, now: Int64) {
        let next = state.withLock { state -> Resume? in
            if let admitted = ticket.breaker { state.breaker?.ended(admitted, success: success, now: now) }
            state.concurrency?.leave(began: ticket.began, overloaded: overloaded, now: now)
            if !success { state.totals.failures += 1 }
            if overloaded { state.totals.timeouts += 1 }
            return state.bulkhead?.leave() ?? nil
        }
        next?()
    }

    /// Nobody wants to know any more how it ends.
    package func abandon(_ ticket: Ticket) {
        let next = state.withLock { state -> Resume? in
            if let admitted = ticket.breaker { state.breaker?.withdrawn(admitted) }
            state.concurrency?.withdraw()
            return state.bulkhead?.leave() ?? nil
        }
        next?()
    }

    /// How long to wait before a call that has failed is tried again; nil: it is not. `retry`: how often it was before. `chance`: -1
    /// to 1.
    package func pause(beforeRetry retry: Int, after status: CallStatus, chance: Double, now: Int64) -> Duration? {
        guard let rule = policy.retry?.value, rule.permits(retry: retry), rule.matching.allows(status) else { return nil }
        let mayRetry = state.withLock { state in
            if let may = state.budget?.spend(now: now), !may { return false }
            state.totals.retries += 1
            return true
        }
        return mayRetry ? rule.pause(attempt: retry, chance: chance) : nil
    }

    /// Whether a second try may go beside the first.
    package func mayHedge(now: Int64) -> Bool {
        state.withLock { state in
            if let may = state.budget?.spend(now: now), !may { return false }
            state.totals.hedges += 1
            return true
        }
    }

    package func count(_ total: any WritableKeyPath<Totals, Int> & Sendable) { state.withLock { $0.totals[keyPath: total] += 1 } }

    // MARK: To be looked at

    package struct Snapshot: Sendable, Equatable {
        package var totals: Totals
        package var breaker: CircuitBreaker.State?
        package var counts: CircuitBreaker.Counts?
        package var openings: Int?
        /// How often each state of the breaker has followed another, and calls by the state that they have met.
        package var breakerChanges: CircuitBreaker.ByState?
        package var breakerCalls: CircuitBreaker.ByState?
        package var inFlight: Int?
        package var queued: Int?
        package var concurrencyLimit: Int?
        /// Of a shared limit: whether its store is not reached, and questions to it that it answered and did not.
        package var isAlone: Bool?
        package var reservations: Int?
        package var reservationFailures: Int?
    }

    package func snapshot(now: Int64) -> Snapshot {
        state.withLock { state in
            Snapshot(
                totals: state.totals, breaker: state.breaker?.state(now: now), counts: state.breaker?.counts(now: now),
                openings: state.breaker?.openings, breakerChanges: state.breaker?.changes,
                breakerCalls: state.breaker == nil ? nil : state.breakerCalls, inFlight: state.bulkhead?.inFlight ?? state.concurrency?.inFlight,
                queued: state.bulkhead?.queued, concurrencyLimit: state.concurrency?.limit,
                isAlone: state.shared?.isAlone, reservations: state.shared?.reservations, reservationFailures: state.shared?.failures)
        }
    }

    private typealias Resume = @Sendable () -> Void

    private static func pass(_ state: inout State, _ now: Int64) -> (Entry, Resume?) {
        if let may = state.concurrency?.enter(), !may { return refuse(&state, .adaptiveLimit(state.concurrency?.limit ?? 0)) }
        var admitted: UInt32?
        if state.breaker != nil {
            admitted = state.breaker?.admit(now: now)
            if admitted == nil {
                state.concurrency?.withdraw()
                return refuse(&state, .breakerOpen(nanoseconds: state.breaker?.opensIn(now: now) ?? 0))
            }
        }
        state.totals.attempts += 1
        return (.go(Ticket(breaker: admitted, began: now)), nil)
    }

    private static func refuse(_ state: inout State, _ refusal: Refusal) -> (Entry, Resume?) {
        state.totals.refused += 1
        return (.refused(refusal), state.bulkhead?.leave() ?? nil)
    }
}
