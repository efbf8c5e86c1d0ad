/// Work that blocks, for a reactor instance: runs on a thread of its own, then goes on on the reactor
/// thread.
public final class Background {
    private let instance: Instance
    private let work: () -> Void
    private let done: () -> Void

    private init(_ instance: Instance, _ work: @escaping () -> Void, _ done: @escaping () -> Void) {
        self.instance = instance
        self.work = work
        self.done = done
    }

    /// Starts the thread; `false` when there is none to be had, and nothing will be called.
    public static func start(
        _ instance: Instance, name: StaticString, work: @escaping () -> Void, then done: @escaping () -> Void
    ) -> Bool {
        let job = Unmanaged.passRetained(Background(instance, work, done))
        let answer = table.pointee.thread_start(
            instance.raw, Str(name),
            { argument in
                let job = Unmanaged<Background>.fromOpaque(argument!)
                job.takeUnretainedValue().work()
                let posted = table.pointee.post(
                    job.takeUnretainedValue().instance.raw,
                    { argument in Unmanaged<Background>.fromOpaque(argument!).takeRetainedValue().done() }, argument)
                if posted != OCTAVO_OK { job.release() }
            }, job.toOpaque())
        if answer != OCTAVO_OK { job.release() }
        return answer == OCTAVO_OK
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
