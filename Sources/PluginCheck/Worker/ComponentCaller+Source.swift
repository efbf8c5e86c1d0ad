import COctavo
import Components
import NIOConcurrencyHelpers
import NIOCore

extension ComponentCaller {
    /// Opens a source and waits until it stands. `what`: the operation, for the report. `made` is given the function that
    /// ends it and gives back what the handler tells. Gives back what was made.
    func open<Listener>(
        _ what: String, window: UInt32, _ made: (@escaping @Sendable () -> Void) -> Listener,
        _ handler: @escaping @Sendable (Listener, NIOLockedValueBox<SourceState>, SourceHolder) -> SourceHandler,
        _ opening: @escaping @Sendable (ComponentRef, octavo_source, CallWaiter) -> Void
    ) throws -> Listener where Listener: Sendable {
        let loop = loops[0], name = name
        let state = NIOLockedValueBox<SourceState>(.waiting)
        let held = try loop.eventLoop.submit { SourceHolder(NIOLoopBoundBox(nil, eventLoop: loop.eventLoop), loop.eventLoop) }.wait()
        let end: @Sendable () -> Void = {
            held.end()
            // Its end is the answer of the plugin.
            _ = within(seconds: 5) { if case .ended = state.withLockedValue({ $0 }) { true } else { false } }
        }
        let listener = made(end)
        try loop.eventLoop.submit {
            guard let ref = loop.value.component(named: name) else { return }
            held.source.value = ComponentSource(of: ref, window: window, handler: handler(listener, state, held), opening: opening)
        }.wait()
        let isSettled = within(seconds: 5) {
            if case .waiting = state.withLockedValue({ $0 }) { false } else { true }
        }
        if case .failed(let error, _) = state.withLockedValue({ $0 }) {
            end()
            throw PluginFailure(code: error.code, flags: error.flags, reason: error.reason, message: error.message)
        }
        guard isSettled else {
            end()
            throw CaseFailure(description: "\(what) was not completed within 5 s.")
        }
        return listener
    }
}

/// A source on its event loop.
struct SourceHolder: Sendable {
    let source: NIOLoopBoundBox<ComponentSource?>
    private let eventLoop: any EventLoop

    init(_ source: NIOLoopBoundBox<ComponentSource?>, _ eventLoop: any EventLoop) {
        self.source = source
        self.eventLoop = eventLoop
    }

    /// On any other thread.
    func end() {
        try? eventLoop.submit {
            source.value?.end()
            source.value = nil
        }.wait()
    }

    /// Any thread.
    func settle(_ delivery: Delivery, _ outcome: Int32) { eventLoop.execute { source.value?.settle(delivery, outcome) } }
}
