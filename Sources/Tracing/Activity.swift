/// What a request is waiting for, one at a time.
package enum Stage: Int, Sendable, CaseIterable {
    /// Its body comes in.
    case received
    /// The runtime itself: decoding, rules, encoding.
    case runtime
    /// Resiliency policies: pauses between tries, a place in a bulkhead, delays on purpose.
    case policies
    /// Its turn: an instance to call, a place among those that the app is given at a time.
    case waiting
    case component
    /// Another app's runtime.
    case peer
    case app
    /// Its answer goes out.
    case answered
}

/// One request, delivery or call under way: its trace context and where its time goes. On its event loop, and no longer than it lasts:
/// what may outlive it holds an `ActivityRef`. Copying costs nothing, for references to what never goes away are not counted.
package struct Activity {
    let state: Unmanaged<ActivityState>

    /// The span of this request: what it calls has it for a parent.
    package var context: TraceContext { state._withUnsafeGuaranteedRef { $0.context } }
    /// 0: it has none, the trace begins here.
    package var parentSpan: UInt64 { state._withUnsafeGuaranteedRef { $0.parentSpan } }
    /// Whether the caller has brought a context, and so may want ours.
    package var hasParent: Bool { state._withUnsafeGuaranteedRef { $0.hasParent } }
    /// Whether the answer may name the trace; of no use to a runtime that has sent it itself.
    package var tellsCaller: Bool {
        get { state._withUnsafeGuaranteedRef { $0.tellsCaller } }
        nonmutating set { state._withUnsafeGuaranteedRef { $0.tellsCaller = newValue } }
    }
    /// Whether a span is made of it.
    package var isRecorded: Bool { state._withUnsafeGuaranteedRef { $0.isRecorded } }
    /// Which component or app it has to do with; empty when none was reached.
    package var target: String {
        get { state._withUnsafeGuaranteedRef { $0.target } }
        nonmutating set { state._withUnsafeGuaranteedRef { $0.target = newValue } }
    }
    /// Instead of what the request says itself; empty for that.
    package var name: String {
        get { state._withUnsafeGuaranteedRef { $0.name } }
        nonmutating set { state._withUnsafeGuaranteedRef { $0.name = newValue } }
    }
    /// Whether it calls a method of an app.
    package var isInvocation: Bool {
        get { state._withUnsafeGuaranteedRef { $0.isInvocation } }
        nonmutating set { state._withUnsafeGuaranteedRef { $0.isInvocation = newValue } }
    }
    /// Of a delivery: `pubsub`, `bindings`; empty of a request.
    package var block: String { state._withUnsafeGuaranteedRef { $0.block } }
    /// Of a delivery: the topic or binding.
    package var subject: String { state._withUnsafeGuaranteedRef { $0.subject } }
    /// The code of the error that it was answered with; empty without one.
    package var errorCode: String {
        get { state._withUnsafeGuaranteedRef { $0.errorCode } }
        nonmutating set { state._withUnsafeGuaranteedRef { $0.errorCode = newValue } }
    }
    /// Of a delivery: bytes of what the app has been given, and of its answer.
    package var sizes: (sent: Int, received: Int) {
        get { state._withUnsafeGuaranteedRef { $0.sizes } }
        nonmutating set { state._withUnsafeGuaranteedRef { $0.sizes = newValue } }
    }
    /// Of a sampled one, for its span.
    package var attributes: [SpanAttribute] {
        get { state._withUnsafeGuaranteedRef { $0.attributes } }
        nonmutating set { state._withUnsafeGuaranteedRef { $0.attributes = newValue } }
    }

    /// What it waits for from now on.
    package func move(to next: Stage, at now: UInt64 = monotonicNow()) { state._withUnsafeGuaranteedRef { $0.move(to: next, at: now) } }

    /// Nanoseconds in a stage that is over.
    package func time(in stage: Stage) -> UInt64 { state._withUnsafeGuaranteedRef { $0.time(in: stage) } }

    /// It is a delivery of that block, of the topic or binding `subject`.
    package func delivers(_ block: String, _ subject: String) { state._withUnsafeGuaranteedRef { ($0.block, $0.subject) = (block, subject) } }

    // MARK: Policies

    /// A call of it begins to wait for what its policies say; `goesOn` follows, or its end. While another one is under way that counts.
    package func isHeldBack() { state._withUnsafeGuaranteedRef { $0.isHeldBack() } }

    /// The call waits no more. `retries`: it is another try.
    package func goesOn(retries: Bool = false) { state._withUnsafeGuaranteedRef { $0.goesOn(retries: retries) } }

    /// Another try begins beside the first.
    package func triesBeside() { state._withUnsafeGuaranteedRef { $0.triesBeside() } }
}

/// How long a request was in a stage.
package struct StageTime: Sendable, Equatable {
    package var stage: Stage
    package var nanoseconds: UInt64
}

/// An activity as those hold it that may outlive it. Copying costs nothing: activities are used again and never freed, so
/// references are not counted.
package struct ActivityRef {
    let state: Unmanaged<ActivityState>
    let generation: UInt32
    /// Whether its caller is to be told of its trace.
    package let isTold: Bool

    /// The activity while it is under way.
    package var live: Activity? {
        state._withUnsafeGuaranteedRef { $0.generation == generation } ? Activity(state: state) : nil
    }
}
