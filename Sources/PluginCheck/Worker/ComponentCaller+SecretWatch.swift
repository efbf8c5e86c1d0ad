import COctavo
import Components
import NIOConcurrencyHelpers

extension ComponentCaller {
    func watch(secrets names: [String]) throws -> @Sendable () -> Void {
        try open("watch", window: 1, { $0 }, { _, state, _ in StateHandler(state) }) { ref, source, waiter in
            let bytes = names.reduce(32) { $0 + $1.utf8.count + MemoryLayout<octavo_str>.stride + 1 }
            guard
                var slot = ref.open(
                    OCTAVO_SECRET_OP_WATCH, octavo_secret_watch_request.self, bytes: bytes, deadline: ComponentSource.openDeadline,
                    waiter: waiter)
            else { return }
            let request = slot.request
            request.pointee.source = source
            let (elements, list) = slot.list(of: octavo_str.self, count: names.count)
            for (index, name) in names.enumerated() { elements[index] = slot.text(name) }
            request.pointee.names = list
            slot.submit()
        }
    }
}

/// Only what becomes of the source.
private final class StateHandler: SourceHandler {
    private let state: NIOLockedValueBox<SourceState>

    init(_ state: NIOLockedValueBox<SourceState>) { self.state = state }

    override func changed(_ new: SourceState) { state.withLockedValue { $0 = new } }
}
