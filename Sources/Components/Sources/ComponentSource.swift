package import COctavo
import COctavoHost
import NIOCore

/// What a component delivers to us: a subscription, a watch, an input. Opened as soon as the component is ready, and
/// again whenever it ended, until `end()`. Used on one event loop alone.
package final class ComponentSource {
    /// Puts the request that opens it together and submits it.
    package typealias Opening = (_ component: ComponentRef, _ source: octavo_source, _ waiter: CallWaiter) -> Void

    private let ref: ComponentRef
    private let kind: UnsafePointer<octavo_source_kind>
    private let handler: SourceHandler
    private let opening: Opening
    /// Messages that may be unsettled at a time.
    private let window: UInt32
    private var supervision = SourceSupervision()

    /// Of the present opening.
    private var source: octavo_source = 0
    private var target: ComponentRef.Target?
    private var number: UInt64 = 0
    /// Who waits for settlements and for grants: one each for all of an opening.
    private var settling: Steering?
    private var granting: Steering?
    private var unsettled: UInt32 = 0
    /// Settled, and not granted again yet.
    private var spent: UInt32 = 0
    private var isPaused = false
    /// The plugin is to pause, and has not confirmed that.
    private var isPausing = false
    private var isPauseSent = false
    private var timer: Scheduled<Void>?

    /// The plugin is asked to end a source, and waited for so long.
    private static let closeTimeout = 5_000_000_000 as Int64
    private static let openTimeout = 30_000_000_000 as Int64
    /// What was delivered by an instance that goes has so long to be settled.
    private static let leaveTimeout = TimeAmount.seconds(10)
    private static let stableAfter = TimeAmount.seconds(10)

    /// `nil` when components of the kind deliver nothing. `window`: at least 1.
    package init?(of ref: ComponentRef, window: UInt32, handler: SourceHandler, opening: @escaping Opening) {
        guard let kind = octavo_source_kind_at(ref.kind) else { return nil }
        self.ref = ref
        self.kind = kind
        self.handler = handler
        self.opening = opening
        self.window = max(window, 1)
        ref.sources.append(self)
        if ref.target != nil, !ref.isParked { handle(.target) }
        if ref.startsOnDemand { ref.whenSettled {} }
    }

    deinit { octavo_source_close(source) }

    /// The time by which the request that opens it has to be answered.
    package static var openDeadline: Int64 { monotonicNanoseconds() + openTimeout }

    /// Nothing more is delivered once the handler has been told `ended`; what is unsettled comes again elsewhere.
    package func end() { handle(.end) }

    // MARK: Steering

    /// Says what became of a message: `OCTAVO_SETTLE_*`. No effect on one of an earlier opening.
    /// `data`: the app's answer, for a binding that sends one back.
    package func settle(_ delivery: Delivery, _ outcome: Int32, delay: Int64 = 0, topic: String = "", data: [UInt8] = []) {
        // What a source that ends has not been told counts as to be delivered again.
        guard delivery.opening == number, takes, unsettled > 0 else { return }
        unsettled -= 1
        spent += 1
        if let settling, kind.pointee.settle != OCTAVO_NO_OP,
            var slot = steer(kind.pointee.settle, octavo_settle_request.self, bytes: topic.utf8.count + data.count + 2, settling)
        {
            slot.request.pointee.source = source
            slot.request.pointee.token = delivery.token
            slot.request.pointee.outcome = outcome
            slot.request.pointee.delay_ns = delay
            if !topic.isEmpty {
                let text = slot.text(topic)
                slot.request.pointee.topic = text
            }
            if !data.isEmpty {
                let answer = data.withUnsafeBytes { slot.bytes($0) }
                slot.request.pointee.data = answer
            }
            slot.submitNow()
        }
        replenish()
        leaveIfSettled()
    }

    /// Not before the plugin has stopped: until then something may be on its way. And not before it has heard of every
    /// settlement: workers may take the end of the source first.
    private func leaveIfSettled() {
        guard supervision.phase == .leaving, unsettled == 0, !isPausing, settling?.underWay ?? 0 == 0 else { return }
        handle(.settledAll)
    }

    /// Nothing more is fetched until `resume()`; what is under way may still come.
    package func pause() {
        guard !isPaused else { return }
        isPaused = true
        stopCredit()
    }

    package func resume() {
        guard isPaused else { return }
        isPaused = false
        if !isPausing { grantAll() }
    }

    /// Messages that were delivered and not settled.
    package var unsettledCount: Int { Int(unsettled) }

    /// Whether messages are taken and settled: not between the wish to end it and its end.
    private var takes: Bool { source != 0 && supervision.phase != .closing }
    private var grants: Bool { supervision.phase == .open && !isPaused && !isPausing }

    private func grantAll() {
        guard grants, kind.pointee.credit != OCTAVO_NO_OP, window > unsettled else { return }
        spent = 0
        grant(window - unsettled)
    }

    /// A plugin is told once for several: it has three quarters of the window left meanwhile.
    private func replenish() {
        guard grants, spent >= max(1, window / 4) else { return }
        let count = spent
        spent = 0
        grant(count)
    }

    private func grant(_ messages: UInt32) {
        octavo_source_grant(source, messages)
        if let granting { tellCredit(messages, granting) }
    }

    private func stopCredit() {
        guard source != 0, kind.pointee.credit != OCTAVO_NO_OP, !isPausing, supervision.phase != .opening else { return }
        isPausing = true
        sendPause()
    }

    /// Workers may take what comes later first: a grant after the pause would undo it.
    private func sendPause() {
        guard granting?.underWay ?? 0 == 0 else { return }
        isPauseSent = true
        tellCredit(0, Pausing(self, number))
    }

    private func tellCredit(_ messages: UInt32, _ waiter: CallWaiter) {
        guard let slot = steer(kind.pointee.credit, octavo_credit_request.self, bytes: 0, waiter) else { return }
        slot.request.pointee.source = source
        slot.request.pointee.messages = messages
        slot.submitNow()
    }

    /// An operation that is told no call, on the instance that the source is open on.
    private func steer<Request>(_ op: Int32, _ request: Request.Type, bytes: Int, _ waiter: CallWaiter) -> RequestSlot<Request>? {
        guard let target else { return nil }
        (waiter as? Steering)?.underWay += 1
        return ref.open(op, request, bytes: bytes, deadline: 0, on: target, waiter: waiter)
    }

    /// The plugin has heard of a settlement or of a grant, or (`error`) has not and never will: what it is not told of it
    /// keeps, so the source begins anew.
    fileprivate func steered(_ opening: UInt64, _ error: CallError?) {
        guard opening == number else { return }
        if let error { return failed(error) }
        if granting?.underWay == 0, isPausing, !isPauseSent { sendPause() }
        leaveIfSettled()
    }

    /// The plugin stops; what it had delivered before has arrived.
    fileprivate func paused(_ opening: UInt64) {
        guard opening == number, isPausing else { return }
        isPausing = false
        isPauseSent = false
        octavo_source_pause(source)
        grantAll()
        leaveIfSettled()
    }

    // MARK: Life

    /// The component has an instance: `target` of `ref`. Nothing happens if it is the one that the source is open on.
    func targetAppeared() {
        if let target, target.raw != ref.target?.raw { handle(.suspend) }
        handle(.target)
    }

    /// The instance goes.
    func suspend() { handle(.suspend) }

    /// The process of the instance has ended.
    func lost(_ remote: OpaquePointer) {
        guard source != 0, let target, octavo_instance_remote(target.raw) == UnsafeRawPointer(remote) else { return }
        let error = CallError(
            code: OCTAVO_CODE_UNAVAILABLE, reason: "PLUGIN_CRASHED", flags: UInt32(OCTAVO_ERROR_RETRYABLE),
            message: "the plugin's process has ended; the source is opened again")
        failed(error, .lost)
    }

    /// The loop ends, and with it everything that the plugin could be told.
    func abandon() {
        timer?.cancel()
        octavo_source_close(source)
        source = 0
        settling = nil
        granting = nil
    }

    fileprivate func opened(_ opening: UInt64) {
        guard opening == number else { return }
        handle(.opened)
        guard supervision.phase == .open else { return }
        schedule(Self.stableAfter, .stable)
        grantAll()
        handler.changed(.open)
    }

    fileprivate func openFailed(_ opening: UInt64, _ error: CallError) {
        guard opening == number else { return }
        lastError = error
        handle(.openFailed)
    }

    fileprivate func closed(_ opening: UInt64) {
        if opening == number { handle(.closed) }
    }

    private func failed(_ error: CallError, _ event: SourceSupervision.Event = .failed) {
        guard supervision.phase == .open || supervision.phase == .leaving else { return }
        lastError = error
        handler.changed(.failed(error, again: .zero))
        handle(event)
    }

    private var lastError: CallError?

    private func handle(_ event: SourceSupervision.Event) {
        for action in supervision.handle(event, chance: .random(in: 0.8...1.2)) { perform(action) }
    }

    private func perform(_ action: SourceSupervision.Action) {
        switch action {
        case .open: open()
        case .discard: discard()
        case .retry(let pause):
            if let lastError { handler.changed(.failed(lastError, again: pause)) }
            schedule(.nanoseconds(Int64(pause / .nanoseconds(1))), .retryDue)
        case .leave:
            stopCredit()
            schedule(Self.leaveTimeout, .leaveTimeout)
            leaveIfSettled()
        case .close: close()
        case .finished:
            timer?.cancel()
            ref.sources.removeAll { $0 === self }
            handler.changed(.ended)
        }
    }

    private func schedule(_ pause: TimeAmount, _ event: SourceSupervision.Event) {
        timer?.cancel()
        timer = ref.loop.eventLoop.assumeIsolated().scheduleTask(in: pause) { [weak self] in self?.handle(event) }
    }

    private func open() {
        timer?.cancel()
        number += 1
        guard let target = ref.target else { return openFailed(number, ref.unavailable) }
        // Not retained: it is closed before this object goes.
        source = octavo_source_open(
            ref.loop.calls, kind, target.raw, Unmanaged.passUnretained(self).toOpaque(),
            { context, token, message in
                Unmanaged<ComponentSource>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.received(token, message) }
            },
            { context, error in
                Unmanaged<ComponentSource>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.endedByItself(error) }
            })
        guard source != 0 else {
            return openFailed(
                number,
                CallError(
                    code: OCTAVO_CODE_RESOURCE_EXHAUSTED, reason: "TOO_MANY_SOURCES",
                    message: "\(OCTAVO_SOURCES_MAX_VALUE) subscriptions and watches are open on this event loop"))
        }
        self.target = target
        settling = Steering(self, number)
        granting = Steering(self, number)
        handler.changed(.waiting)
        opening(ref, source, Opened(self, number))
    }

    private func discard() {
        timer?.cancel()
        octavo_source_close(source)
        source = 0
        target = nil
        settling = nil
        granting = nil
        unsettled = 0
        spent = 0
        isPausing = false
        isPauseSent = false
    }

    private func close() {
        timer?.cancel()
        let waiter = Closed(self, number)
        guard let target,
            let slot = ref.open(
                kind.pointee.close, octavo_source_request.self, bytes: 0,
                deadline: monotonicNanoseconds() + Self.closeTimeout, on: target, waiter: waiter)
        else { return }
        slot.request.pointee.source = source
        slot.submitNow()
    }

    private func received(_ token: UInt64, _ message: UnsafeRawPointer) {
        guard takes else { return }
        if kind.pointee.settle != OCTAVO_NO_OP { unsettled += 1 }
        handler.received(Delivery(token: token, opening: number), message)
    }

    private func endedByItself(_ error: UnsafePointer<octavo_error>) {
        failed(CallError(copying: error, component: ref.name, type: ref.type, operation: "source"))
    }
}

/// `OCTAVO_SOURCES_MAX`, which Swift does not import.
private let OCTAVO_SOURCES_MAX_VALUE = 4096

/// Waits for a call of a source. Holds it, so that it lives until its calls have ended.
private class SourceWaiter: CallWaiter {
    let source: ComponentSource
    let opening: UInt64

    init(_ source: ComponentSource, _ opening: UInt64) {
        self.source = source
        self.opening = opening
    }
}

private final class Opened: SourceWaiter {
    override func completed(_ reply: UnsafeRawPointer?) { source.opened(opening) }
    override func failed(_ error: CallError) { source.openFailed(opening, error) }
}

private final class Closed: SourceWaiter {
    override func completed(_ reply: UnsafeRawPointer?) { source.closed(opening) }
    override func failed(_ error: CallError) { source.closed(opening) }
}

private final class Pausing: SourceWaiter {
    override func completed(_ reply: UnsafeRawPointer?) { source.paused(opening) }
    override func failed(_ error: CallError) { source.paused(opening) }
}

/// Of operations that nobody waits for. Does not hold the source, which holds it.
private final class Steering: CallWaiter {
    weak var source: ComponentSource?
    let opening: UInt64
    var underWay = 0

    init(_ source: ComponentSource, _ opening: UInt64) {
        self.source = source
        self.opening = opening
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        underWay -= 1
        if underWay == 0 { source?.steered(opening, nil) }
    }

    override func failed(_ error: CallError) {
        underWay -= 1
        source?.steered(opening, error)
    }
}
