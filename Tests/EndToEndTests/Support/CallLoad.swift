import Foundation
import JSONText

/// Calls of an app through runtimes without a pause, four at a time by each, told apart by phases that the test names.
final class CallLoad {
    /// What became of the calls of one runtime in one phase.
    struct Calls: CustomStringConvertible {
        var count = 0
        /// By status; 0: no whole answer in three seconds.
        var failed: [String: Int] = [:]
        /// The last answer of each of these.
        var texts: [String: String] = [:]
        /// Seconds.
        var longest = 0.0

        var failures: Int { failed.values.reduce(0, +) }
        var description: String { "\(failures) of \(count) failed \(failed), the longest took \(longest) s \(texts)" }
    }

    private let scratch: Scratch
    private let process: Subprocess
    private let ports: [Int]

    init(_ app: String, by runtimes: [OctavoProcess], in space: NetworkSpace? = nil) throws {
        scratch = try Scratch()
        try scratch.write("start", to: "phase")
        ports = runtimes.map(\.http)
        let words = [Places.script("call_load"), app, scratch.file("phase")] + ports.map { "\($0)" }
        process = try Subprocess(space == nil ? Places.python : NetworkSpace.ip, space.map { $0.words([Places.python] + words) } ?? words)
    }

    deinit { process.kill(SIGKILL) }

    /// The phase begins, and `body` is done in it, or it takes so long.
    func phase(_ name: String, _ length: Duration) async throws { try await phase(name) { try await Task.sleep(for: length) } }

    func phase<Value>(_ name: String, _ body: () async throws -> Value) async throws -> Value {
        try scratch.write(name, to: "next")
        rename(scratch.file("next"), scratch.file("phase"))
        return try await body()
    }

    /// What each runtime's calls came to, by phase.
    func end() async throws -> [[String: Calls]] {
        try await phase("end", .zero)
        let end = try await process.ended(within: .seconds(30))
        guard let found = try? JSONValue(parsing: end.output) else { throw Trouble(end.errors) }
        return ports.map { port in
            var phases: [String: Calls] = [:]
            for (name, one) in found["\(port)"]?.members ?? [] {
                var calls = Calls(count: one["calls"]?.integer ?? 0)
                if case .number(let text) = one["longest"] { calls.longest = Double(text) ?? 0 }
                for (status, count) in one["failed"]?.members ?? [] { calls.failed[status] = count.integer }
                for (status, text) in one["texts"]?.members ?? [] { calls.texts[status] = text.string }
                phases[name] = calls
            }
            return phases
        }
    }
}
