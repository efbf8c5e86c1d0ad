import COctavo
import NIOConcurrencyHelpers
import NIOCore

@testable import Components

/// Takes what a component delivers, settles it, and writes down what came.
final class Subscriber: Sendable {
    struct Seen {
        var texts: [String] = []
        var times: [String: Int] = [:]
        var states: [String] = []
        var mostUnsettled = 0
    }

    private let seen = NIOLockedValueBox(Seen())
    private let source: NIOLoopBoundBox<ComponentSource?>
    private let loop: NIOLoopBound<CallLoop>

    var texts: [String] { seen.withLockedValue { $0.texts } }
    var states: [String] { seen.withLockedValue { $0.states } }
    var mostUnsettled: Int { seen.withLockedValue { $0.mostUnsettled } }

    /// What becomes of each message; by default it is done.
    typealias Judge = @Sendable (_ text: String, _ times: Int) -> Int32

    init(_ harness: Harness, _ component: String, loop index: Int = 0, window: UInt32 = 8,
        judge: @escaping Judge = { _, _ in OCTAVO_SETTLE_ACK }
    ) async throws {
        let loop = harness.loops[index], seen = self.seen
        self.loop = loop
        source = try await loop.eventLoop.submit {
            let box = NIOLoopBoundBox<ComponentSource?>(nil, eventLoop: loop.eventLoop)
            guard let ref = loop.value.component(named: component) else { return box }
            let handler = Handler(seen, judge, ref.kind)
            let source = ComponentSource(of: ref, window: window, handler: handler) { ref, source, waiter in
                Self.open(ref, source, waiter)
            }
            handler.source = source
            box.value = source
            return box
        }.get()
    }

    private static func open(_ ref: ComponentRef, _ source: octavo_source, _ waiter: CallWaiter) {
        if ref.kind == OCTAVO_KIND_PUBSUB {
            guard var slot = ref.open(
                OCTAVO_PUBSUB_OP_SUBSCRIBE, octavo_pubsub_subscribe_request.self, bytes: 16,
                deadline: ComponentSource.openDeadline, waiter: waiter)
            else { return }
            let topic = slot.text("topic")
            slot.request.pointee.source = source
            slot.request.pointee.topic = topic
            slot.submit()
        } else if let slot = ref.open(
            OCTAVO_CONFIGURATION_OP_WATCH, octavo_configuration_watch_request.self, bytes: 0,
            deadline: ComponentSource.openDeadline, waiter: waiter)
        {
            slot.request.pointee.source = source
            slot.submit()
        }
    }

    private func on(_ body: @escaping @Sendable (ComponentSource) -> Void) async {
        try? await loop.eventLoop.submit { if let source = self.source.value { body(source) } }.get()
    }

    func pause() async { await on { $0.pause() } }
    func resume() async { await on { $0.resume() } }
    func end() async { await on { $0.end() } }

    private final class Handler: SourceHandler {
        let seen: NIOLockedValueBox<Seen>
        let judge: Judge
        let kind: Int32
        weak var source: ComponentSource?

        init(_ seen: NIOLockedValueBox<Seen>, _ judge: @escaping Judge, _ kind: Int32) {
            self.seen = seen
            self.judge = judge
            self.kind = kind
        }

        override func received(_ delivery: Delivery, _ message: UnsafeRawPointer) {
            guard kind == OCTAVO_KIND_PUBSUB else {
                let change = message.assumingMemoryBound(to: octavo_configuration_change.self).pointee
                seen.withLockedValue { seen in
                    for item in change.items.elements(as: octavo_configuration_item.self) { seen.texts.append(String(item.value)) }
                }
                return
            }
            let text = String(decoding: message.assumingMemoryBound(to: octavo_pubsub_message.self).pointee.data.bytes, as: UTF8.self)
            let unsettled = source?.unsettledCount ?? 0
            let times = seen.withLockedValue { seen in
                seen.texts.append(text)
                seen.mostUnsettled = max(seen.mostUnsettled, unsettled)
                seen.times[text, default: 0] += 1
                return seen.times[text, default: 0]
            }
            let outcome = judge(text, times)
            // A message that is kept is never settled.
            if outcome >= 0 { source?.settle(delivery, outcome) }
        }

        override func changed(_ state: SourceState) {
            let text = switch state {
            case .waiting: "waiting"
            case .open: "open"
            case .failed(let error, _): "failed: \(error.message)"
            case .ended: "ended"
            }
            seen.withLockedValue { $0.states.append(text) }
        }
    }
}

extension Harness {
    /// The version of the build that took the message over.
    @discardableResult
    func publish(_ component: String, _ text: String, loop index: Int = 1) async throws -> String {
        let loop = loops[index]
        return try await loop.eventLoop.flatSubmit {
            let promise = loop.eventLoop.makePromise(of: String.self)
            let waiter = PublishWaiter { promise.completeWith($0) }
            if let ref = loop.value.component(named: component),
                var slot = ref.open(
                    OCTAVO_PUBSUB_OP_PUBLISH, octavo_pubsub_publish_request.self, bytes: text.utf8.count + 16, deadline: 0,
                    waiter: waiter)
            {
                var text = text
                let bytes = text.withUTF8 { slot.bytes(UnsafeRawBufferPointer($0)) }
                let topic = slot.text("topic")
                slot.request.pointee.data = bytes
                slot.request.pointee.topic = topic
                slot.submit()
            }
            return promise.futureResult
        }.get()
    }
}

private final class PublishWaiter: CallWaiter {
    private let body: (Result<String, any Error>) -> Void
    init(_ body: @escaping (Result<String, any Error>) -> Void) { self.body = body }
    override func completed(_ reply: UnsafeRawPointer?) {
        body(.success(reply.map { String($0.assumingMemoryBound(to: octavo_pubsub_publish_reply.self).pointee.message_id) } ?? ""))
    }
    override func failed(_ error: CallError) { body(.failure(error)) }
}
