import COctavo
import Components
import NIOConcurrencyHelpers

extension ComponentCaller {
    func subscribe(_ topic: String, group: String, window: UInt32) throws -> PubSubListener {
        try open("subscribe", window: window, { PubSubListener($0) }, { MessageHandler($0, $1, $2) }) { ref, source, waiter in
            guard
                var slot = ref.open(
                    OCTAVO_PUBSUB_OP_SUBSCRIBE, octavo_pubsub_subscribe_request.self,
                    bytes: topic.utf8.count + group.utf8.count + 32, deadline: ComponentSource.openDeadline, waiter: waiter)
            else { return }
            let request = slot.request
            request.pointee.source = source
            request.pointee.topic = slot.text(topic)
            request.pointee.group = slot.text(group)
            slot.submit()
        }
    }
}

private final class MessageHandler: SourceHandler {
    private let listener: PubSubListener
    private let state: NIOLockedValueBox<SourceState>
    private let holder: SourceHolder

    init(_ listener: PubSubListener, _ state: NIOLockedValueBox<SourceState>, _ holder: SourceHolder) {
        self.listener = listener
        self.state = state
        self.holder = holder
    }

    override func received(_ delivery: Delivery, _ message: UnsafeRawPointer) {
        let raw = message.loadUnaligned(as: octavo_pubsub_message.self)
        let holder = holder
        listener.add(
            .init(
                topic: text(raw.topic) ?? "", data: bytes(raw.data) ?? [], contentType: text(raw.content_type) ?? "",
                attempt: Int(raw.attempt), settle: { holder.settle(delivery, $0) }))
    }

    override func changed(_ new: SourceState) { state.withLockedValue { $0 = new } }
}
