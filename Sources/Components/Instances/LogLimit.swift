import NIOConcurrencyHelpers

/// Bounds the lines that one instance may log: a burst of 200, then 50 a second.
final class LogLimit: Sendable {
    private struct State {
        var tokens = 200.0
        var filled = monotonicNanoseconds()
        var dropped = 0
    }
    private static let burst = 200.0
    private static let perNanosecond = 50.0 / 1e9
    private let state = NIOLockedValueBox(State())

    /// `nil`: drop the line. Otherwise how many were dropped since the last one that was not.
    func take(now: Int64 = monotonicNanoseconds()) -> Int? {
        state.withLockedValue { state in
            state.tokens = min(LogLimit.burst, state.tokens + Double(now - state.filled) * LogLimit.perNanosecond)
            state.filled = now
            guard state.tokens >= 1 else {
                state.dropped += 1
                return nil
            }
            state.tokens -= 1
            defer { state.dropped = 0 }
            return state.dropped
        }
    }
}
