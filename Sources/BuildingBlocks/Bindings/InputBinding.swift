import COctavo
import Components
import Governance
import Logging
import NIOCore

/// An input binding that is read: takes its events to the app, does what the app's answers ask for, settles them. On one
/// event loop.
final class InputBinding {
    let ref: ComponentRef
    private let loop: CallLoop
    private let app: any AppClient
    /// A change of the component's settings may name another.
    private let route: (ComponentRef) -> String
    private let answers: BindingAnswers
    private let tell: (InputBinding, SourceState) -> Void
    private let logger: Logger
    private var source: ComponentSource?
    /// Events that the app has been given, or whose answers are worked on.
    private var inFlight = 0
    private var onIdle: (() -> Void)?
    private var isEnded = false
    /// Deliveries that have failed one after the other.
    private var failures = 0

    /// Events that the app may have at a time.
    private static let window: UInt32 = 64
    private let policy: DeliveryPolicy
    private let timeout: Duration?

    /// Opens it. `policy`: how its events are tried again, and how long the app has for one. `tell` is called on the loop, maybe before this returns.
    init(
        _ ref: ComponentRef, loop: CallLoop, identity: AppIdentity, _ app: any AppClient, route: @escaping (ComponentRef) -> String, policy: InboundPolicies.Policy,
        answers: BindingAnswers, logger: Logger,
        tell: @escaping (InputBinding, SourceState) -> Void
    ) {
        self.ref = ref
        self.loop = loop
        self.app = app
        self.route = route
        self.policy = DeliveryPolicy(policy.retry, hasDeadLetter: false)
        timeout = policy.timeout
        self.answers = answers
        self.logger = logger
        self.tell = tell
        let appID = identity.appID
        source = ComponentSource(of: ref, window: Self.window, handler: Handler(self)) { ref, source, waiter in
            guard
                var slot = ref.open(
                    OCTAVO_BINDING_OP_READ, octavo_binding_read_request.self, bytes: appID.utf8.count + 16, deadline: ComponentSource.openDeadline,
                    waiter: waiter)
            else { return }
            slot.request.pointee.source = source
            slot.request.pointee.head.app_id = slot.text(appID)
            slot.submit()
        }
    }

    /// Nothing more is given to the app; `done` is called when what it was given is settled. What comes meanwhile stays
    /// unsettled, and comes again where the system outside knows how.
    func drain(_ done: @escaping () -> Void) {
        onIdle = done
        source?.pause()
        if inFlight == 0 { idle() }
    }

    func end() {
        isEnded = true
        source?.end()
        source = nil
        idle()
    }

    private func idle() {
        guard let done = onIdle else { return }
        onIdle = {}
        done()
    }

    // MARK: Events

    private func received(_ delivery: Delivery, _ event: octavo_binding_event) {
        guard onIdle == nil else { return }
        let metadata = event.metadata.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) }
        var told = AppBindingEvent(name: ref.name, route: route(ref), data: Array(event.data.bytes), metadata: metadata)
        told.trace = AppTrace(
            parent: metadata.first { $0.0.lowercased() == "traceparent" }?.1 ?? "",
            state: metadata.first { $0.0.lowercased() == "tracestate" }?.1 ?? "")
        told.metadata.removeAll { ["traceparent", "tracestate"].contains($0.0.lowercased()) }
        if event.content_type.isPresent { told.contentType = String(event.content_type) }
        told.timeout = timeout
        inFlight += 1
        app.deliver(told) { [weak self] result in
            guard let self else { return }
            switch result {
            case .failure(let failure): refused(delivery, failure)
            case .success(let reply):
                failures = 0
                answers.carryOut(reply, of: ref.name) { [weak self] in self?.taken(delivery, reply) }
            }
        }
    }

    private func taken(_ delivery: Delivery, _ reply: AppBindingReply) {
        inFlight -= 1
        guard !isEnded else { return }
        let isSent = ref.features & UInt64(OCTAVO_BINDING_RESPONSE) != 0
        source?.settle(delivery, OCTAVO_SETTLE_ACK, data: isSent ? reply.data : [])
        if inFlight == 0 { idle() }
    }

    private func refused(_ delivery: Delivery, _ failure: AppFailure) {
        inFlight -= 1
        guard !isEnded else { return }
        let pause = policy.pause(attempt: failures) ?? .zero
        failures = min(failures + 1, 16)
        logger.warning(
            "the app did not take an event of a binding; it comes again if the binding can repeat it",
            metadata: ["binding": "\(ref.name)", "cause": "\(failure)"])
        // Waited for here, for few systems outside know pauses. One that is held back takes no more than its place in the window, and is
        // nothing that a drain waits for: it comes again to the next reader.
        loop.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(pause / .nanoseconds(1)))) { [weak self] in
            guard let self, !isEnded else { return }
            source?.settle(delivery, OCTAVO_SETTLE_RETRY)
        }
        if inFlight == 0 { idle() }
    }

    private final class Handler: SourceHandler {
        private weak var binding: InputBinding?

        init(_ binding: InputBinding) {
            self.binding = binding
            super.init()
        }

        override func received(_ delivery: Delivery, _ message: UnsafeRawPointer) {
            // Shorter when the plugin is older: what it does not know is zero.
            var whole = octavo_binding_event()
            let size = min(Int(message.load(as: UInt32.self)), MemoryLayout<octavo_binding_event>.size)
            withUnsafeMutableBytes(of: &whole) { $0.copyMemory(from: UnsafeRawBufferPointer(start: message, count: size)) }
            binding?.received(delivery, whole)
        }

        override func changed(_ state: SourceState) {
            guard let binding, !binding.isEnded else { return }
            binding.tell(binding, state)
        }
    }
}
