import COctavo
import Components
import Glibc
import NIOConcurrencyHelpers
import NIOCore

extension ComponentCaller {
    func watch(_ keys: [String]) throws -> ConfigurationListener {
        let loop = loops[0], name = name
        let state = NIOLockedValueBox<SourceState>(.waiting)
        let held = try loop.eventLoop.submit { NIOLoopBoundBox<ComponentSource?>(nil, eventLoop: loop.eventLoop) }.wait()
        let listener = ConfigurationListener {
            try? loop.eventLoop.submit {
                held.value?.end()
                held.value = nil
            }.wait()
            // Its end is the answer of the plugin.
            _ = within(seconds: 5) { if case .ended = state.withLockedValue({ $0 }) { true } else { false } }
        }
        try loop.eventLoop.submit {
            guard let ref = loop.value.component(named: name) else { return }
            held.value = ComponentSource(of: ref, window: 1, handler: ListenerHandler(listener, state)) { ref, source, waiter in
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
        }.wait()
        let isSettled = within(seconds: 5) {
            if case .waiting = state.withLockedValue({ $0 }) { false } else { true }
        }
        if case .failed(let error, _) = state.withLockedValue({ $0 }) {
            listener.end()
            throw PluginFailure(code: error.code, flags: error.flags, reason: error.reason, message: error.message)
        }
        guard isSettled else {
            listener.end()
            throw CaseFailure(description: "watch was not completed within 5 s.")
        }
        return listener
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
