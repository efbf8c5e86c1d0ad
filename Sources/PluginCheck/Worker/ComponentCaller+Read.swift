import COctavo
import Components
import NIOConcurrencyHelpers

extension ComponentCaller {
    func read(window: UInt32) throws -> PubSubListener {
        try open("read", window: window, { PubSubListener($0) }, { EventHandler($0, $1, $2) }) { ref, source, waiter in
            guard
                let slot = ref.open(
                    OCTAVO_BINDING_OP_READ, octavo_binding_read_request.self, bytes: 0, deadline: ComponentSource.openDeadline,
                    waiter: waiter)
            else { return }
            slot.request.pointee.source = source
            slot.submit()
        }
    }
}

private final class EventHandler: SourceHandler {
    private let listener: PubSubListener
    private let state: NIOLockedValueBox<SourceState>
    private let holder: SourceHolder

    init(_ listener: PubSubListener, _ state: NIOLockedValueBox<SourceState>, _ holder: SourceHolder) {
        self.listener = listener
        self.state = state
        self.holder = holder
    }

    override func received(_ delivery: Delivery, _ message: UnsafeRawPointer) {
        let raw = message.loadUnaligned(as: octavo_binding_event.self)
        let holder = holder
        listener.add(
            .init(
                topic: "", data: bytes(raw.data) ?? [], contentType: text(raw.content_type) ?? "", attempt: 0,
                settle: { holder.settle(delivery, $0) }))
    }

    override func changed(_ new: SourceState) { state.withLockedValue { $0 = new } }
}
