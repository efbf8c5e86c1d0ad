package import CEL

/// When calls to a target that fails are stopped for a while. Source: Dapr's `circuitBreakers`.
package struct BreakerPolicy: Sendable, Equatable {
    /// Calls that go through while it is half open; so many successes in a row close it.
    package var maxRequests: Int
    /// While it is closed the counts begin anew after this; zero: never.
    package var interval: Duration
    /// It is open so long.
    package var timeout: Duration
    package var trip: Trip

    package init(maxRequests: Int = 1, interval: Duration = .zero, timeout: Duration = .seconds(60), trip: Trip = .usual) {
        self.maxRequests = maxRequests
        self.interval = interval
        self.timeout = timeout
        self.trip = trip
    }

    /// The condition that opens it: an expression over `requests`, `totalSuccesses`, `totalFailures`, `consecutiveSuccesses` and
    /// `consecutiveFailures`, which is asked after each failure.
    package struct Trip: Sendable, Equatable {
        package let text: String
        private let expression: CELExpression

        /// Throws also for an expression that is no condition on these counts.
        package init(_ text: String) throws(CELError) {
            self.text = text
            expression = try CELExpression(text)
            _ = try expression.matches(CircuitBreaker.Counts().variables)
        }

        package static let usual: Trip = {
            // The text is a constant that can be read.
            // swift-format-ignore: NeverUseForceTry
            try! Trip("consecutiveFailures > 5")
        }()

        func matches(_ counts: CircuitBreaker.Counts) -> Bool { (try? expression.matches(counts.variables)) ?? false }

        package static func == (one: Trip, two: Trip) -> Bool { one.text == two.text }
    }
}

/// The states of one circuit breaker. A value; times are CLOCK_MONOTONIC nanoseconds that the caller gives.
package struct CircuitBreaker: Sendable {
    package enum State: String, Sendable, CaseIterable {
        case closed, open
        case halfOpen = "half-open"
    }

    /// How often something was in each state.
    package struct ByState: Sendable, Equatable {
        private var closed = 0, open = 0, halfOpen = 0

        package subscript(state: State) -> Int {
            get {
                switch state {
                case .closed: closed
                case .open: open
                case .halfOpen: halfOpen
                }
            }
            set {
                switch state {
                case .closed: closed = newValue
                case .open: open = newValue
                case .halfOpen: halfOpen = newValue
                }
            }
        }
    }

    package struct Counts: Sendable, Equatable {
        package var requests = 0, totalSuccesses = 0, totalFailures = 0, consecutiveSuccesses = 0, consecutiveFailures = 0

        package init() {}

        var variables: [String: CELValue] {
            [
                "requests": .int(Int64(requests)), "totalSuccesses": .int(Int64(totalSuccesses)),
                "totalFailures": .int(Int64(totalFailures)), "consecutiveSuccesses": .int(Int64(consecutiveSuccesses)),
                "consecutiveFailures": .int(Int64(consecutiveFailures)),
            ]
        }
    }

    package let policy: BreakerPolicy
    private var kept = State.closed
    private var counted = Counts()
    /// Of calls that began in an earlier state nothing is counted any more.
    private var generation: UInt32 = 0
    /// When the state, or the counts of a closed one, end; 0: never.
    private var until: Int64 = 0
    /// How often each state has followed another.
    package private(set) var changes = ByState()
    /// Times that it has opened.
    package var openings: Int { changes[.open] }

    package init(_ policy: BreakerPolicy, now: Int64) {
        self.policy = policy
        renew(.closed, now)
    }

    package mutating func state(now: Int64) -> State {
        advance(now)
        return kept
    }

    package mutating func counts(now: Int64) -> Counts {
        advance(now)
        return counted
    }

    /// Nanoseconds until it lets a call through; 0 unless it is open.
    package func opensIn(now: Int64) -> Int64 { kept == .open ? max(0, until - now) : 0 }

    /// Lets a call through and gives what `ended` is to be told with, or nil.
    package mutating func admit(now: Int64) -> UInt32? {
        advance(now)
        switch kept {
        case .open: return nil
        case .halfOpen where counted.requests >= policy.maxRequests: return nil
        case .closed, .halfOpen:
            counted.requests += 1
            return generation
        }
    }

    /// A call that was let through has ended.
    package mutating func ended(_ admitted: UInt32, success: Bool, now: Int64) {
        advance(now)
        guard admitted == generation else { return }
        if success {
            counted.totalSuccesses += 1
            counted.consecutiveSuccesses += 1
            counted.consecutiveFailures = 0
            if kept == .halfOpen, counted.consecutiveSuccesses >= policy.maxRequests { renew(.closed, now) }
        } else {
            counted.totalFailures += 1
            counted.consecutiveFailures += 1
            counted.consecutiveSuccesses = 0
            if kept == .halfOpen || policy.trip.matches(counted) { renew(.open, now) }
        }
    }

    /// A call that was let through and was not made.
    package mutating func withdrawn(_ admitted: UInt32) {
        if admitted == generation, counted.requests > 0 { counted.requests -= 1 }
    }

    private mutating func advance(_ now: Int64) {
        guard until > 0, now >= until else { return }
        switch kept {
        case .closed: renew(.closed, now)
        case .open: renew(.halfOpen, now)
        case .halfOpen: break
        }
    }

    private mutating func renew(_ state: State, _ now: Int64) {
        if state != kept { changes[state] += 1 }
        kept = state
        counted = Counts()
        generation &+= 1
        switch state {
        case .closed: until = policy.interval > .zero ? now + policy.interval.nanoseconds : 0
        case .open: until = now + max(policy.timeout.nanoseconds, 1)
        case .halfOpen: until = 0
        }
    }
}
