/// Work that blocks, for a reactor instance: runs on a thread of its own, then goes on on the reactor
/// thread, where the thread is joined first: once `done` has been called nothing of it is left. The
/// instance does not complete `stop` before that.
public final class Background {
    private let instance: Instance
    private let work: () -> Void
    private let done: () -> Void
    private var thread = pthread_t()

    private init(_ instance: Instance, _ work: @escaping () -> Void, _ done: @escaping () -> Void) {
        self.instance = instance
        self.work = work
        self.done = done
    }

    /// Starts the thread; `false` when there is none to be had, and nothing will be called. At most 15
    /// letters of `name` are shown.
    public static func start(
        _ instance: Instance, name: StaticString, work: @escaping () -> Void, then done: @escaping () -> Void
    ) -> Bool {
        let background = Background(instance, work, done)
        let job = Unmanaged.passRetained(background)
        // Written here, read on the reactor thread, which is this one.
        let failed = plugin_kit_thread_start(
            &background.thread, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
            { argument in
                let background = Unmanaged<Background>.fromOpaque(argument!).takeUnretainedValue()
                background.work()
                _ = table.pointee.post(
                    background.instance.raw,
                    { argument in
                        let background = Unmanaged<Background>.fromOpaque(argument!).takeRetainedValue()
                        pthread_join(background.thread, nil)
                        background.done()
                    }, argument)
            }, job.toOpaque())
        if failed != 0 { job.release() }
        return failed == 0
    }
}

/// Something to do on the reactor thread after the requests that are waiting now. However often it is
/// asked for meanwhile, it is done once. On the reactor thread.
public final class Later {
    private let instance: Instance
    private var body: (() -> Void)?

    public init(_ instance: Instance) { self.instance = instance }

    /// `body` and what it holds live until it has run.
    public func ask(_ body: @escaping () -> Void) {
        if self.body != nil { return }
        self.body = body
        let answer = table.pointee.post(
            instance.raw,
            { argument in Unmanaged<Later>.fromOpaque(argument!).takeRetainedValue().run() },
            Unmanaged.passRetained(self).toOpaque())
        guard answer != OCTAVO_OK else { return }
        // The runtime takes no more: there is no later.
        Unmanaged.passUnretained(self).release()
        run()
    }

    private func run() {
        guard let body else { return }
        self.body = nil
        body()
    }
}
