/// A timer of a reactor instance. Its owner keeps it, and cancels it before the instance is destroyed.
/// On the reactor thread.
public final class Timer {
    private let instance: Instance
    private var handle: UInt64 = 0
    private let fire: () -> Void

    public init(_ instance: Instance, _ fire: @escaping () -> Void) {
        self.instance = instance
        self.fire = fire
    }

    public var isSet: Bool { handle != 0 }

    /// Fires once after `delay` nanoseconds; a time that was set before is forgotten. `false` when the
    /// runtime has no timer left.
    @discardableResult
    public func set(after delay: Int64) -> Bool {
        cancel()
        handle = table.pointee.timer_set(
            instance.raw, delay,
            { argument in
                let timer = Unmanaged<Timer>.fromOpaque(argument!).takeUnretainedValue()
                timer.handle = 0
                timer.fire()
            }, Unmanaged.passUnretained(self).toOpaque())
        return handle != 0
    }

    public func cancel() {
        if handle != 0 { _ = table.pointee.timer_cancel(instance.raw, handle) }
        handle = 0
    }

    deinit { cancel() }
}
