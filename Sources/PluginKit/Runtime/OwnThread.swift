/// A thread of an instance whose type is not a reactor: for what has to go on between calls. Join it in `stop`, before
/// the instance is destroyed.
public final class OwnThread {
    private let work: () -> Void
    private var thread = pthread_t()

    private init(_ work: @escaping () -> Void) { self.work = work }

    /// Starts it; `nil` when there is no thread to be had. At most 15 letters of `name` are shown.
    public static func start(name: StaticString, _ work: @escaping () -> Void) -> OwnThread? {
        let made = OwnThread(work)
        let kept = Unmanaged.passRetained(made)
        let failed = plugin_kit_thread_start(
            &made.thread, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
            { argument in
                let made = Unmanaged<OwnThread>.fromOpaque(argument!).takeUnretainedValue()
                made.work()
            }, kept.toOpaque())
        guard failed == 0 else {
            kept.release()
            return nil
        }
        return made
    }

    /// Waits for its end. Once.
    public func join() {
        pthread_join(thread, nil)
        Unmanaged.passUnretained(self).release()
    }
}
