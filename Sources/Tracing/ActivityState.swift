/// What is known of an `Activity`. Confined to one event loop, used again for the next one, and never freed.
final class ActivityState {
    /// Counts the requests that it has been used for.
    var generation: UInt32 = 0
    /// The span of this request: what it calls has it for a parent.
    var context = TraceContext(traceHigh: 0, traceLow: 1, span: 1, isSampled: false)
    /// 0: it has none, the trace begins here.
    var parentSpan: UInt64 = 0
    /// Whether the caller has brought a context, and so may want ours.
    var hasParent = false
    /// Whether the answer may name the trace; of no use to a runtime that has sent it itself.
    var tellsCaller = true
    /// Whether a span is made of it.
    var isRecorded = false
    /// Monotonic nanoseconds.
    var startedAt: UInt64 = 0
    /// Which component or app it has to do with; empty when none was reached.
    var target = ""
    /// Instead of what the request says itself; empty for that.
    var name = ""
    /// Whether it calls a method of an app.
    var isInvocation = false
    /// Of a delivery: `pubsub`, `bindings`, and the topic or binding; empty of a request.
    var block = ""
    var subject = ""
    var sizes = (sent: 0, received: 0)
    /// The code of the error that it was answered with; empty without one.
    var errorCode = ""
    /// Tries of its calls after the first of each, one after the other or side by side.
    private(set) var retries = 0
    /// Of a sampled one, for its span.
    var attributes: [SpanAttribute] = []

    /// Whether it is used for a request now.
    var isUnderWay = false
    /// The next one that is free.
    var nextFree: Unmanaged<ActivityState>?

    private var stage = Stage.received
    private var since: UInt64 = 0
    private let times: UnsafeMutablePointer<UInt64>
    /// Component calls that have not ended.
    private var calls = 0
    /// What the stage goes back to when they have.
    private var before = Stage.runtime
    /// Calls that wait for what their policies say.
    private var heldBack = 0
    /// What the stage goes back to when one of them goes on.
    private var held = Stage.runtime

    private static let stages = 8

    init() {
        assert(Stage.allCases.count == Self.stages)
        times = .allocate(capacity: Self.stages)
        times.initialize(repeating: 0, count: Self.stages)
    }

    func begin(_ context: TraceContext, parentSpan: UInt64, hasParent: Bool, isRecorded: Bool, startedAt: UInt64) {
        self.context = context
        self.parentSpan = parentSpan
        self.hasParent = hasParent
        self.isRecorded = isRecorded
        self.startedAt = startedAt
        tellsCaller = true
        isUnderWay = true
        isInvocation = false
        since = startedAt
        stage = .received
        calls = 0
        heldBack = 0
        retries = 0
        times.update(repeating: 0, count: Self.stages)
        if !target.isEmpty { target = "" }
        if !name.isEmpty { name = "" }
        if !block.isEmpty { (block, subject, sizes) = ("", "", (0, 0)) }
        if !errorCode.isEmpty { errorCode = "" }
        if !attributes.isEmpty { attributes = [] }
    }

    /// What it waits for from now on.
    func move(to next: Stage, at now: UInt64 = monotonicNow()) {
        // A coarse clock may lag behind.
        let now = max(now, since)
        times[stage.rawValue] &+= now &- since
        since = now
        stage = next
    }

    /// Nanoseconds in a stage that is over.
    func time(in stage: Stage) -> UInt64 { times[stage.rawValue] }

    func callBegan(at now: UInt64) {
        calls += 1
        if calls == 1 {
            before = stage == .received ? .runtime : stage
            move(to: .component, at: now)
        } else if stage == .policies {
            move(to: .component, at: now)
        }
    }

    func callEnded(at now: UInt64) {
        calls -= 1
        guard calls == 0 else { return }
        // Of one that is given up on while it is held back its policies are told later.
        if stage == .component || (stage == .policies && held == .component) { move(to: before, at: now) }
    }

    // MARK: Policies

    /// A call of it begins to wait for what its policies say; `goesOn` follows, or its end. While another one is under way that counts.
    func isHeldBack() {
        heldBack += 1
        guard stage != .policies, heldBack >= calls else { return }
        held = stage
        move(to: .policies)
    }

    /// The call waits no more. `retries`: it is another try.
    func goesOn(retries again: Bool = false) {
        if again { retries += 1 }
        guard heldBack > 0 else { return }
        heldBack -= 1
        if stage == .policies { move(to: held) }
    }

    /// Another try begins beside the first.
    func triesBeside() { retries += 1 }

    /// Nanoseconds of each stage that took any.
    func stages(until end: UInt64) -> [StageTime] {
        move(to: .answered, at: end)
        return Stage.allCases.compactMap { times[$0.rawValue] > 0 ? StageTime(stage: $0, nanoseconds: times[$0.rawValue]) : nil }
    }
}
