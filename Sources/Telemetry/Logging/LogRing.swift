import Glibc
package import Logging
import Synchronization

/// The last lines of the log, for an operator who asks the runtime for them. They are masked as in the log itself. Bounded:
/// so many lines, and each of them cut. Any thread.
package final class LogRing: Sendable {
    /// The runtime's own.
    package static let shared = LogRing()

    package struct Line: Sendable {
        /// Counts lines from 1.
        package var number: Int64
        /// RFC 3339, UTC.
        package var time: String
        package var level: Logger.Level
        package var scope: String
        package var message: String
        package var facts: [(String, String)]
    }

    private struct State {
        var lines: [Line] = []
        var start = 0
        var last: Int64 = 0
    }

    private let capacity: Int
    private let longest: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - capacity: lines that are kept.
    ///   - longest: bytes of a message, and of all facts together.
    package init(capacity: Int = 2000, longest: Int = 4096) {
        self.capacity = capacity
        self.longest = longest
    }

    func add(_ time: LogTime, _ level: Logger.Level, _ scope: String, _ message: String, _ facts: [(String, String)]) {
        var text: [UInt8] = []
        time.append(to: &text, digits: 3)
        var room = longest
        let kept = facts.map { fact in
            let value = cut(fact.1, room)
            room = max(0, room - value.utf8.count)
            return (fact.0, value)
        }
        let line = Line(
            number: 0, time: String(decoding: text, as: UTF8.self), level: level, scope: scope, message: cut(message, longest), facts: kept)
        state.withLock { state in
            state.last += 1
            var line = line
            line.number = state.last
            if state.lines.count < capacity {
                state.lines.append(line)
            } else {
                state.lines[state.start] = line
                state.start = (state.start + 1) % capacity
            }
        }
    }

    private func cut(_ text: String, _ limit: Int) -> String {
        text.utf8.count <= limit ? text : String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "…"
    }

    /// The lines behind number `after`, the oldest first, and the number of the last there is.
    package func lines(after number: Int64 = 0) -> (lines: [Line], last: Int64) {
        state.withLock { state in
            let all = state.lines[state.start...] + state.lines[..<state.start]
            return (all.filter { $0.number > number }, state.last)
        }
    }
}
