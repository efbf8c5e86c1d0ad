/// A lock for short sections. It must not be held while a call is completed: the runtime may call the
/// plugin again before that returns.
public final class Lock {
    private let raw: UnsafeMutablePointer<plugin_kit_lock>

    public init() {
        raw = .allocate(capacity: 1)
        raw.initialize(to: plugin_kit_lock(state: 0))
    }

    deinit { raw.deallocate() }

    @inline(__always)
    public func with<Result>(_ body: () -> Result) -> Result {
        plugin_kit_acquire(raw)
        defer { plugin_kit_release(raw) }
        return body()
    }
}
