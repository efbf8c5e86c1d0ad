import COctavoHost
import Glibc

/// Signals of the process, as a sequence.
enum Signals {
    /// SIGTERM, SIGINT, SIGHUP and SIGQUIT as they arrive. Once a process.
    static func open() -> AsyncStream<Int32> {
        let numbers = [SIGTERM, SIGINT, SIGHUP, SIGQUIT]
        let descriptor = octavo_signals_open(numbers, Int32(numbers.count))
        return AsyncStream { continuation in
            guard descriptor >= 0 else { return }
            let reader = Unmanaged.passRetained(Reader(descriptor, continuation))
            _ = octavo_thread_detached(
                "oct-signals",
                { Unmanaged<Reader>.fromOpaque($0.unsafelyUnwrapped).takeRetainedValue().run() }, reader.toOpaque())
        }
    }

    private final class Reader {
        let descriptor: Int32
        let continuation: AsyncStream<Int32>.Continuation

        init(_ descriptor: Int32, _ continuation: AsyncStream<Int32>.Continuation) {
            self.descriptor = descriptor
            self.continuation = continuation
        }

        func run() {
            var byte: UInt8 = 0
            while true {
                let got = read(descriptor, &byte, 1)
                if got == 1 { continuation.yield(Int32(byte)) } else if got == 0 || errno != EINTR { return }
            }
        }
    }
}
