import BuildingBlocks
import Components
import Governance
import NIOCore
import Tracing

/// One call's way through the policies of the app that it is for: its tries, one after the other, and what each may take. Used on
/// one event loop.
final class Passage {
    private(set) var governor: Governor
    private var name: AppName
    /// For messages.
    var app: String { name.description }
    private let eventLoop: any EventLoop
    private var fault: FaultPolicy.Fault?
    private var isAdmitted: Bool
    private var ticket: Governor.Ticket?
    private var waiting: UInt64?
    private var timer: Scheduled<Void>?
    private var go: ((InvocationFailure?) -> Void)?
    /// What `enterAtOnce` has found, for `enter`.
    private var found: Governor.Entry?
    private var retries = 0
    /// The request that it is told of; nil for a try beside another, whose time counts.
    private var activity: ActivityRef?
    private var isHeldBack = false
    private var isClosed = false

    /// The one whose policy the fault is of.
    private var called: Governor
    /// Where it goes when it is over; nil: nowhere.
    private let pool: PassagePool?

    /// `fault`: what is done to the call on purpose, by the policy of `called`. `isFirst`: false for one beside another of the same call.
    init(_ governor: Governor, app name: AppName, eventLoop: any EventLoop, fault: FaultPolicy.Fault? = nil, of called: Governor? = nil,
        isFirst: Bool = true, activity: ActivityRef? = nil, pool: PassagePool? = nil
    ) {
        self.pool = pool
        isAdmitted = !isFirst
        self.governor = governor
        self.called = called ?? governor
        self.name = name
        self.eventLoop = eventLoop
        self.fault = fault
        self.activity = activity
    }

    /// Makes one that is over ready for another call.
    fileprivate func begin(_ governor: Governor, _ name: AppName, _ fault: FaultPolicy.Fault?, _ called: Governor, _ activity: ActivityRef?) {
        self.governor = governor
        self.called = called
        self.name = name
        self.fault = fault
        self.activity = activity
        isAdmitted = false
        found = nil
        retries = 0
        isHeldBack = false
        isClosed = false
    }

    /// Ends `passage` and lets it serve another call, unless somebody may still ask it.
    static func end(_ passage: inout Passage?) {
        guard let pool = passage?.pool else {
            passage?.close()
            return
        }
        passage?.close()
        if isKnownUniquelyReferenced(&passage), let passage { pool.put(passage) }
        passage = nil
    }

    private func holdBack() {
        isHeldBack = true
        activity?.live?.isHeldBack()
    }

    private func goesOn(retries: Bool = false) {
        guard isHeldBack else { return }
        isHeldBack = false
        activity?.live?.goesOn(retries: retries)
    }

    /// A reading of the clock as exact as the policies need it.
    private var now: Int64 { governor.needsExactTime ? monotonicNanoseconds() : coarseNanoseconds() }

    /// A try has this long.
    var timeout: Duration? { governor.timeout }
    var mayRetry: Bool { governor.mayRetry }

    /// Begins a try if it may begin now. False: `enter` is to be called at once, and says why.
    func enterAtOnce() -> Bool {
        guard fault == nil else { return false }
        let entry = decision()
        guard case .go(let ticket) = entry else {
            found = entry
            return false
        }
        self.ticket = ticket
        return true
    }

    private func decision() -> Governor.Entry {
        let isFirst = !isAdmitted
        isAdmitted = true
        return governor.enter(now: now, isFirst: isFirst, resume: resumption())
    }

    /// Begins a try: `go` is told that it may, or why it may not; maybe before this returns, and never after `close`.
    func enter(_ go: @escaping (InvocationFailure?) -> Void) {
        if let fault {
            self.fault = nil
            called.count(\.faults)
            guard let delay = fault.delay else { return go(aborted) }
            holdBack()
            after(delay) { [self] in
                goesOn()
                fault.aborts ? go(aborted) : enter(go)
            }
            return
        }
        let entry = found ?? decision()
        found = nil
        act(on: entry, go)
    }

    private func act(on entry: Governor.Entry, _ go: @escaping (InvocationFailure?) -> Void) {
        switch entry {
        case .go(let ticket):
            self.ticket = ticket
            go(nil)
        case .refused(let refusal): go(failure(refusal))
        case .wait(let id, let most):
            waiting = id
            self.go = go
            holdBack()
            if let most { after(most) { [self] in waitedTooLong() } }
        }
    }

    private var aborted: InvocationFailure {
        let rule = called.policy.fault?.value
        return .fault(app: app, http: rule?.abortHTTP ?? 503, grpc: rule?.abortGRPC ?? 14)
    }

    private func resumption() -> @Sendable () -> Void {
        let bound = NIOLoopBound(self, eventLoop: eventLoop), eventLoop = eventLoop
        return { eventLoop.execute { bound.value.resumed() } }
    }

    private func resumed() {
        // It has gone away meanwhile, and its place with it.
        guard let id = waiting, let go else { return }
        waiting = nil
        self.go = nil
        timer?.cancel()
        timer = nil
        goesOn()
        act(on: governor.enterHeld(id, now: now, resume: resumption()), go)
    }

    private func waitedTooLong() {
        guard let id = waiting, let go else { return }
        waiting = nil
        self.go = nil
        goesOn()
        governor.giveUp(id, tooLong: true)
        go(failure(.waitedTooLong))
    }

    private func failure(_ refusal: Governor.Refusal) -> InvocationFailure {
        switch refusal {
        case .breakerOpen: .breakerOpen(app: app, retryAfter: refusal.retryAfter)
        case .rateLimited: .rateLimited(app: app, retryAfter: refusal.retryAfter)
        case .full, .waitedTooLong, .adaptiveLimit: .overloaded(app: app, cause: refusal.cause)
        }
    }

    /// The try has ended so.
    func leave(_ status: CallStatus, timedOut: Bool = false) {
        guard let ticket else { return }
        self.ticket = nil
        governor.leave(ticket, success: !status.isFailure, overloaded: timedOut, now: now)
    }

    /// Has `body` begin another try after its pause, or gives false: there is none. `deadline`: of the whole call.
    func retry(after status: CallStatus, before deadline: NIODeadline?, _ body: @escaping () -> Void) -> Bool {
        let now = monotonicNanoseconds()
        guard !isClosed, status.isFailure,
            let pause = governor.pause(beforeRetry: retries, after: status, chance: .random(in: -1...1), now: now)
        else { return false }
        if let deadline, .now() + .nanoseconds(pause.nanoseconds) >= deadline { return false }
        retries += 1
        holdBack()
        after(pause) { [self] in
            goesOn(retries: true)
            body()
        }
        return true
    }

    private func after(_ time: Duration, _ body: @escaping () -> Void) {
        timer = eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(time.nanoseconds)) { [self] in
            timer = nil
            if !isClosed { body() }
        }
    }

    /// The call is over. A try that is under way is one that nobody wants any more.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        go = nil
        goesOn()
        timer?.cancel()
        timer = nil
        if let id = waiting { governor.giveUp(id) }
        waiting = nil
        if let ticket { governor.abandon(ticket) }
        ticket = nil
    }
}

/// Passages of one event loop that serve again.
final class PassagePool {
    private var spares: [Passage] = []
    private static let limit = 256

    func take(
        _ governor: Governor, app name: AppName, eventLoop: any EventLoop, fault: FaultPolicy.Fault?, of called: Governor, activity: ActivityRef?
    ) -> Passage {
        guard let spare = spares.popLast() else {
            return Passage(governor, app: name, eventLoop: eventLoop, fault: fault, of: called, activity: activity, pool: self)
        }
        spare.begin(governor, name, fault, called, activity)
        return spare
    }

    /// Lets go of all, which refer back to this.
    func clear() { spares = [] }

    fileprivate func put(_ passage: Passage) { if spares.count < Self.limit { spares.append(passage) } }
}
