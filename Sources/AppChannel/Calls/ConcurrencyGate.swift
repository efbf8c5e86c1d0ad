import NIOConcurrencyHelpers
import NIOCore

/// Lets a bounded number of deliveries go to the app at a time, over all event loops; the rest waits in the order of its
/// coming. Any thread; the lock is taken only where there is a limit.
final class ConcurrencyGate: Sendable {
    private struct State {
        var free: Int
        /// The loops of those who wait, in their order.
        var waiting = CircularBuffer<Int>()
    }

    private let state: NIOLockedValueBox<State>?
    private let maxWaiting: Int

    /// nil is no limit.
    init(limit: Int?, maxWaiting: Int) {
        state = limit.map { NIOLockedValueBox(State(free: $0)) }
        self.maxWaiting = maxWaiting
    }

    var isUnlimited: Bool { state == nil }

    enum Entry { case now, later, refused }

    /// `later`: `leave` on some loop will name `loop`.
    func enter(_ loop: Int) -> Entry {
        guard let state else { return .now }
        return state.withLockedValue { state in
            if state.free > 0 {
                state.free -= 1
                return .now
            }
            guard state.waiting.count < maxWaiting else { return .refused }
            state.waiting.append(loop)
            return .later
        }
    }

    /// One delivery is over: the loop whose next one goes on now, if any waits.
    func leave() -> Int? {
        guard let state else { return nil }
        return state.withLockedValue { state in
            if let next = state.waiting.popFirst() { return next }
            state.free += 1
            return nil
        }
    }

    /// How many wait.
    var waiting: Int { state?.withLockedValue { $0.waiting.count } ?? 0 }
}
