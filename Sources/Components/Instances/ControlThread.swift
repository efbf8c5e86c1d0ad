import COctavoHost
import NIOConcurrencyHelpers

/// Runs control functions of plugins, which may block, on threads of their own: they are rare, and a
/// pool would let a few stuck ones hold up all others.
enum ControlThread {
    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func start(_ body: @escaping @Sendable () -> Void) {
        // No thread to be had: the caller's must do.
        if start(name: "oct-control", body) != 0 { body() }
    }

    /// 0, or an error number when there is no thread to be had.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Int32 {
        let start = Unmanaged.passRetained(Start(body))
        let failed = octavo_thread_detached(
            name,
            { Unmanaged<Start>.fromOpaque($0.unsafelyUnwrapped).takeRetainedValue().body() }, start.toOpaque())
        if failed != 0 { start.release() }
        return failed
    }

    static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            start { continuation.resume(returning: body()) }
        }
    }

    /// The same, but `nil` when `body` has not returned in time. It goes on all the same.
    static func run<Result: Sendable>(
        within timeout: Duration, _ body: @escaping @Sendable () -> Result
    ) async -> Result? {
        let outcome = Once<Result?>()
        start { outcome.settle(body()) }
        return await outcome.value(within: timeout, or: nil)
    }
}

/// A value that is given once, from any thread, and awaited by one task. Later ones are dropped.
final class Once<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case awaited(CheckedContinuation<Value, Never>)
        case settled(Value)
        case taken
    }
    private let state = NIOLockedValueBox(State.empty)

    func settle(_ value: Value) {
        let waiting: CheckedContinuation<Value, Never>? = state.withLockedValue { state in
            switch state {
            case .empty:
                state = .settled(value)
                return nil
            case .awaited(let continuation):
                state = .taken
                return continuation
            case .settled, .taken: return nil
            }
        }
        waiting?.resume(returning: value)
    }

    /// The value if it is there already; then nobody may wait for it.
    var now: Value? {
        state.withLockedValue { state in
            guard case .settled(let value) = state else { return nil }
            state = .taken
            return value
        }
    }

    /// Waits for the value. By one task, once.
    func value() async -> Value {
        await withCheckedContinuation { continuation in
            let ready: Value? = state.withLockedValue { state in
                if case .settled(let value) = state {
                    state = .taken
                    return value
                }
                state = .awaited(continuation)
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }

    /// The value, or `late` when it was not there in time.
    func value(within timeout: Duration, or late: Value) async -> Value {
        let timer = Task {
            try await Task.sleep(for: timeout)
            settle(late)
        }
        defer { timer.cancel() }
        return await value()
    }
}
