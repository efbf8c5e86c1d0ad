import COctavo
import COctavoHost
import Glibc
package import Logging
import NIOConcurrencyHelpers

/// Looks ten times a second whether the threads that run plugins' code in this process come back out of it. It can only
/// say so: a thread can't be ended without the process.
package final class StallWatch: Sendable {
    /// A thread that does not come back.
    struct Stall: Sendable {
        /// Number of the instance.
        let instance: UInt32
        let component: String
        let plugin: String
        /// `get`; empty for a timer, a watch or a post.
        let operation: String
        let thread: String
        let since: Int64

        /// One sentence.
        var reason: String {
            "a thread (\(thread)) has been inside of plugin \(plugin)\(operation.isEmpty ? "" : ", in \(operation),") for "
                + "\((monotonicNanoseconds() - since) / 1_000_000_000) s"
        }
    }

    private struct State {
        /// By line of the table.
        var stalls: [UInt32: Stall] = [:]
        /// How often, by component.
        var counts: [String: UInt64] = [:]
        var logger: Logger?
    }
    private let state = NIOLockedValueBox(State())

    package static let shared = StallWatch()

    /// Begins to look, once the recorder is open; the first call counts.
    package func start(logger: Logger) {
        let isFirst = state.withLockedValue { state in
            defer { if state.logger == nil { state.logger = logger } }
            return state.logger == nil
        }
        guard isFirst else { return }
        _ = octavo_thread_detached(
            "oct-stalls",
            { _ in
                while true {
                    octavo_recorder_look(nil) { _, stall, isOver in
                        if isOver == 0 { StallWatch.shared.began(stall.pointee) } else { StallWatch.shared.ended(stall.pointee) }
                    }
                    usleep(100_000)
                }
            }, nil)
    }

    /// A stall of the instance; `nil`: all its threads come back.
    func stall(of instance: UInt32) -> Stall? {
        guard instance != 0 else { return nil }
        return state.withLockedValue { state in
            state.stalls.isEmpty ? nil : state.stalls.values.filter { $0.instance == instance }.min { $0.since < $1.since }
        }
    }

    func count(of component: String) -> UInt64 { state.withLockedValue { $0.counts[component] ?? 0 } }

    private func began(_ raw: octavo_stall) {
        guard let recorder = octavo_recorder_own(), let instance = octavo_recorder_instance(recorder, raw.instance),
            let plugin = octavo_recorder_plugin(recorder, instance.pointee.plugin)
        else { return }
        let kind = octavo_kind_at(instance.pointee.kind)
        let stall = Stall(
            instance: raw.instance, component: Self.text(of: instance.pointee.component), plugin: Self.text(of: plugin.pointee.id),
            operation: kind.flatMap { raw.op < $0.pointee.op_count ? String(cString: $0.pointee.ops[Int(raw.op)].name) : nil } ?? "",
            thread: Self.thread(raw.kind), since: monotonicNanoseconds() - raw.inside_ns)
        let logger = state.withLockedValue { state in
            state.stalls[raw.line] = stall
            state.counts[stall.component, default: 0] += 1
            return state.logger
        }
        logger?.error(
            "a component has stalled: a thread does not come out of its plugin's code; isolated, it would be ended",
            metadata: facts(stall))
    }

    private func ended(_ raw: octavo_stall) {
        let (stall, logger) = state.withLockedValue { ($0.stalls.removeValue(forKey: raw.line), $0.logger) }
        guard let stall else { return }
        logger?.warning("a stalled component's thread has come back", metadata: facts(stall))
    }

    private func facts(_ stall: Stall) -> Logger.Metadata {
        [
            "component": "\(stall.component)", "plugin": "\(stall.plugin)", "operation": "\(stall.operation)",
            "thread": "\(stall.thread)", "seconds": "\((monotonicNanoseconds() - stall.since) / 1_000_000_000)",
        ]
    }

    private static func thread(_ kind: UInt32) -> String {
        switch kind {
        case UInt32(OCTAVO_BUSY_INLINE): "event loop"
        case UInt32(OCTAVO_BUSY_REACTOR): "reactor"
        default: "worker"
        }
    }

    private static func text<Characters>(of characters: Characters) -> String {
        withUnsafeBytes(of: characters) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
