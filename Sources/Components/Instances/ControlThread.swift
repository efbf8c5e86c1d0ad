import COctavoHost

/// Runs control functions of plugins, which may block, on threads of their own: they are rare, and a
/// pool would let a few stuck ones hold up all others.
enum ControlThread {
    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func start(_ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(body))
        let failed = octavo_thread_detached(
            "oct-control",
            { Unmanaged<Start>.fromOpaque($0.unsafelyUnwrapped).takeRetainedValue().body() }, start.toOpaque())
        // No thread to be had: the caller's must do.
        if failed != 0 { start.takeRetainedValue().body() }
    }

    static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            start { continuation.resume(returning: body()) }
        }
    }
}
