/// What of all requests is recorded. A value.
package struct TracingRules: Sendable {
    /// Of traces that begin here, by their ids: those below are recorded. 0: none, also of those that began elsewhere.
    package var bound: UInt64
    /// A request that takes longer is kept among the slow ones, in nanoseconds.
    package var slow: UInt64

    /// - Parameter rate: the share of traces that is recorded, 0 to 1.
    package init(rate: Double = 0, slow: Duration = .milliseconds(250)) {
        bound = UInt64(min(max(rate, 0), 1) * Double(UInt64(1) << 63))
        self.slow = UInt64(max(slow / .nanoseconds(1), 0))
    }
}

/// Follows the requests of one event loop. Used on that loop alone.
package final class LoopTracer {
    private let rules: TracingRules
    private let sink: (any SpanSink)?
    /// Traces that begin here are recorded below it; 0 without a sink.
    private let bound: UInt64
    private let ring: TraceRing?
    private var random: SplitMix
    private var used = 0
    /// All that were ever under way at a time.
    private var all: [Unmanaged<ActivityState>] = []
    /// Those that serve the next ones: as many as were under way at a time.
    private var free: Unmanaged<ActivityState>?

    /// Measures what building blocks and the app do; nil: nobody does.
    package var meter: (any BlockMeter)?
    /// What the code that runs now works for. Set around everything that a request causes.
    package var current: ActivityRef?

    /// `sink` nil: no spans.
    package init(rules: TracingRules = TracingRules(), sink: (any SpanSink)? = nil, ring: TraceRing? = nil) {
        self.rules = rules
        self.sink = sink
        bound = sink == nil ? 0 : rules.bound
        self.ring = ring
        var system = SystemRandomNumberGenerator()
        random = SplitMix(state: system.next())
    }

    /// Runs `body` for `activity`.
    @inline(__always)
    package func with<Result>(_ activity: ActivityRef?, _ body: () -> Result) -> Result {
        let before = current
        current = activity
        defer { current = before }
        return body()
    }

    // MARK: Activities

    /// Whether spans are made at all.
    package var makesSpans: Bool { bound > 0 }

    /// How many are under way.
    package var underWay: Int { used }

    /// Looks at all that are under way.
    package func eachUnderWay(_ body: (Activity) -> Void) {
        for one in all { one._withUnsafeGuaranteedRef { if $0.isUnderWay { body(Activity(state: one)) } } }
    }

    /// Begins one; `end` must be called once. `parent`: what the caller has sent. Without one a trace begins.
    package func begin(parent: TraceContext?, startedAt: UInt64) -> ActivityRef {
        let reference: Unmanaged<ActivityState>
        if let last = free {
            reference = last
            free = last._withUnsafeGuaranteedRef { $0.nextFree }
        } else {
            // For good: whoever still holds a reference when the loop has ended may look at it.
            reference = Unmanaged.passRetained(ActivityState())
            all.append(reference)
        }
        used += 1
        return reference._withUnsafeGuaranteedRef { activity in
            begin(activity, parent, startedAt)
            return ActivityRef(state: reference, generation: activity.generation, isTold: activity.hasParent || activity.isRecorded)
        }
    }

    @inline(__always)
    private func begin(_ activity: ActivityState, _ parent: TraceContext?, _ startedAt: UInt64) {
        if var context = parent {
            let span = context.span
            context.span = nonZero()
            activity.begin(
                context, parentSpan: span, hasParent: true, isRecorded: context.isSampled && bound > 0, startedAt: startedAt)
        } else {
            let low = nonZero()
            let isSampled = low >> 1 < bound
            activity.begin(
                TraceContext(traceHigh: random.next(), traceLow: low, span: nonZero(), isSampled: isSampled), parentSpan: 0,
                hasParent: false, isRecorded: isSampled, startedAt: startedAt)
        }
    }

    /// What an activity was, asked for only when somebody is told of it.
    package struct Facts {
        package var name: String
        package var kind: Span.Kind
        /// `http`, `grpc`, `invocation`, `pubsub`, `binding`.
        package var wire: String
        package var code: String
        package var attributes: [SpanAttribute]

        package init(name: String, kind: Span.Kind, wire: String, code: String, attributes: [SpanAttribute] = []) {
            self.name = name
            self.kind = kind
            self.wire = wire
            self.code = code
            self.attributes = attributes
        }
    }

    /// Ends it. `end`: monotonic nanoseconds. `noted` is called before, for one that is an invocation or has an error's code.
    package func end(_ ref: ActivityRef, at end: UInt64, failed: Bool, noted: (Activity) -> Void = { _ in }, _ facts: () -> Facts) {
        ref.state._withUnsafeGuaranteedRef { activity in
            guard activity.generation == ref.generation else { return }
            if activity.isInvocation || !activity.errorCode.isEmpty { noted(Activity(state: ref.state)) }
            self.end(activity, end, failed: failed, facts)
            activity.isUnderWay = false
            activity.nextFree = free
            free = ref.state
            used -= 1
        }
    }

    @inline(__always)
    private func end(_ activity: ActivityState, _ end: UInt64, failed: Bool, _ facts: () -> Facts) {
        let took = end &- min(activity.startedAt, end)
        let isSlow = took >= rules.slow
        if activity.isRecorded || isSlow || failed {
            var told = facts()
            if !activity.name.isEmpty { told.name = activity.name }
            tell(activity, took, end, isSlow: isSlow, failed: failed, told)
        }
        activity.generation &+= 1
    }

    private func tell(_ activity: ActivityState, _ took: UInt64, _ end: UInt64, isSlow: Bool, failed: Bool, _ facts: Facts) {
        let wall = wallNow()
        if isSlow || failed {
            ring?.add(
                TraceEntry(
                    traceID: activity.context.traceID, spanID: TraceContext.text(span: activity.context.span), wire: facts.wire, name: facts.name,
                    target: activity.target, code: facts.code, isSlow: isSlow, isFailed: failed, retries: activity.retries, start: wall &- took, nanoseconds: took,
                    stages: activity.stages(until: end)))
        }
        guard activity.isRecorded, let sink else { return }
        if activity.retries > 0 { activity.attributes.append(SpanAttribute("octavo.retries", activity.retries)) }
        sink.put(
            Span(
                context: activity.context, parent: activity.parentSpan, name: facts.name, kind: facts.kind, start: wall &- took, end: wall,
                attributes: facts.attributes + activity.attributes, failure: failed ? facts.code : nil))
    }

    // MARK: Calls of components

    /// A component is called for what runs now. Returns what `callEnded` is to be told.
    @inline(__always)
    package func callBegan() -> CallTrace? {
        guard let current else { return nil }
        return current.state._withUnsafeGuaranteedRef { activity in
            guard activity.generation == current.generation else { return nil }
            // Two readings of the clock cost as much as a small call.
            let now = activity.isRecorded ? monotonicNow() : coarseNow()
            activity.callBegan(at: now)
            return CallTrace(activity: current, startedAt: now)
        }
    }

    /// The call has ended, or nobody waits for it any more. `waited`: it did not end at once. `facts` is asked only for a span.
    package func callEnded(
        _ call: CallTrace, failure: String?, waited: Bool, _ facts: () -> (component: String, type: String, operation: String)
    ) {
        call.activity.state._withUnsafeGuaranteedRef { activity in
            guard activity.generation == call.activity.generation else { return }
            callEnded(activity, call, failure, waited, facts)
        }
    }

    @inline(__always)
    private func callEnded(
        _ activity: ActivityState, _ call: CallTrace, _ failure: String?, _ waited: Bool,
        _ facts: () -> (component: String, type: String, operation: String)
    ) {
        let now = activity.isRecorded || waited ? monotonicNow() : coarseNow()
        activity.callEnded(at: now)
        if failure != nil || activity.isRecorded || max(now, call.startedAt) &- call.startedAt >= rules.slow, activity.target.isEmpty { activity.target = facts().component }
        guard activity.isRecorded, let sink else { return }
        let (component, type, operation) = facts()
        let block = String(type.prefix { $0 != "." })
        var context = activity.context
        context.span = nonZero()
        let wall = wallNow()
        var attributes = [
            SpanAttribute("dapr.component", component), SpanAttribute("dapr.component.type", type), SpanAttribute("dapr.operation", operation),
        ]
        attributes += Self.attributes(block: block, component: component)
        sink.put(
            Span(
                context: context, parent: activity.context.span, name: "\(type)/\(operation)", kind: .client, start: wall &- (now &- call.startedAt),
                end: wall, attributes: attributes, failure: failure))
        // The request's own span tells of it, too, as Dapr's does.
        if !activity.attributes.contains(where: { $0.name == "db.name" || $0.name == "messaging.system" }) {
            activity.attributes += Self.attributes(block: block, component: component)
        }
    }

    /// Source: Dapr's spans.
    private static func attributes(block: String, component: String) -> [SpanAttribute] {
        switch block {
        case "pubsub": [SpanAttribute("messaging.system", "pubsub")]
        case "secretstores": [SpanAttribute("db.system", "secrets"), SpanAttribute("db.name", component)]
        default: [SpanAttribute("db.system", block), SpanAttribute("db.name", component)]
        }
    }

    // MARK: Numbers

    private func nonZero() -> UInt64 {
        while true {
            let value = random.next()
            if value != 0 { return value }
        }
    }
}

/// A component call as long as it is under way.
package struct CallTrace {
    package let activity: ActivityRef
    package let startedAt: UInt64
}

/// Ids need to differ, not to be hard to guess. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators".
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
