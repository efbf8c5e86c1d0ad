import Components
import DaprAPI
import Glibc
import Logging
import NIOCore
import NIOPosix

/// The runtime as a process.
package enum RuntimeMain {
    /// Runs until a signal, a request to stop, or the app's end. Returns the exit code: the app's, 0, or 1 when
    /// the runtime could not start.
    package static func run(_ options: RuntimeOptions) async -> Int32 {
        bootstrapLogging(options)
        let logger = Logger(label: "octavo.runtime")
        let signals = Signals.open()
        let events = EventQueue()
        Task { for await signal in signals { events.put(.signal(signal)) } }
        let runtime: Runtime
        do {
            runtime = try await Runtime.start(options, logger: logger, events: events)
        } catch {
            logger.critical("the runtime can't start", metadata: ["cause": "\(error)"])
            return 1
        }
        return await runtime.runUntilStopped()
    }
}

/// What makes a running runtime do something else.
enum RuntimeEvent: Sendable {
    case signal(Int32)
    case shutdownRequested(force: Bool)
    case appEnded(code: Int32)
    case fatal(String)
}

/// Events in their order; put from any thread.
final class EventQueue: Sendable {
    private let continuation: AsyncStream<RuntimeEvent>.Continuation
    let stream: AsyncStream<RuntimeEvent>

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func put(_ event: RuntimeEvent) { continuation.yield(event) }
}
