import COctavo
import Components
import NIOConcurrencyHelpers

extension ComponentCaller {
    func watch(_ keys: [String]) throws -> ConfigurationListener {
        try open("watch", window: 1, { ConfigurationListener($0) }, { listener, state, _ in ListenerHandler(listener, state) }) {
            ref, source, waiter in
            let bytes = keys.reduce(32) { $0 + $1.utf8.count + MemoryLayout<octavo_str>.stride + 1 }
            guard
                var slot = ref.open(
                    OCTAVO_CONFIGURATION_OP_WATCH, octavo_configuration_watch_request.self, bytes: bytes,
                    deadline: ComponentSource.openDeadline, waiter: waiter)
            else { return }
            let request = slot.request
            request.pointee.source = source
            request.pointee.flags = UInt32(OCTAVO_CONFIGURATION_SEND_PRESENT)
            if !keys.isEmpty {
                let (elements, list) = slot.list(of: octavo_str.self, count: keys.count)
                for (index, key) in keys.enumerated() { elements[index] = slot.text(key) }
                request.pointee.keys = list
            }
            slot.submit()
        }
    }
}

private final class ListenerHandler: SourceHandler {
    private let listener: ConfigurationListener
    private let state: NIOLockedValueBox<SourceState>

    init(_ listener: ConfigurationListener, _ state: NIOLockedValueBox<SourceState>) {
        self.listener = listener
        self.state = state
    }

    override func received(_ delivery: Delivery, _ message: UnsafeRawPointer) {
        let change = message.loadUnaligned(as: octavo_configuration_change.self)
        listener.add(
            .init(
                items: ConfigurationCalls.items(change.items),
                isPresent: change.flags & UInt32(OCTAVO_CONFIGURATION_PRESENT) != 0))
    }

    override func changed(_ new: SourceState) { state.withLockedValue { $0 = new } }
}
