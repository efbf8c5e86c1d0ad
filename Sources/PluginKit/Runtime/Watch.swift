/// A watch on a descriptor of a reactor instance: level-triggered. Its owner keeps it and removes it
/// before it closes the descriptor. On the reactor thread.
public final class Watch {
    private let instance: Instance
    private var handle: UInt64 = 0
    private var events: UInt32 = 0
    private let ready: (UInt32) -> Void

    public init(_ instance: Instance, _ ready: @escaping (_ events: UInt32) -> Void) {
        self.instance = instance
        self.ready = ready
    }

    /// Starts to watch; `false` when the descriptor can't be watched.
    public func add(_ descriptor: Int32, _ events: UInt32) -> Bool {
        remove()
        self.events = events
        handle = table.pointee.watch_add(
            instance.raw, descriptor, events,
            { argument, _, events in
                Unmanaged<Watch>.fromOpaque(argument!).takeUnretainedValue().ready(events)
            }, Unmanaged.passUnretained(self).toOpaque())
        return handle != 0
    }

    /// Waits for `events` from now on.
    public func change(_ events: UInt32) {
        guard handle != 0, events != self.events else { return }
        self.events = events
        _ = table.pointee.watch_change(instance.raw, handle, events)
    }

    public func remove() {
        if handle != 0 { _ = table.pointee.watch_remove(instance.raw, handle) }
        handle = 0
    }

    deinit { remove() }
}
