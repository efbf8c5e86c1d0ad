import Foundation
import JSONText

/// `worker.py`: an app on a real server of its wire.
struct WorkerApp {
    struct Event {
        let step: String
        let text: String
        let path: String
        let version: String
        let scheme: String
        /// Seconds of a clock of the machine.
        let time: Double
    }

    let process: Subprocess
    let port: Int

    static func start(_ wire: String, port: Int = 0, _ certificates: Certificates? = nil) async throws -> WorkerApp {
        let files = certificates.map { [$0.server, $0.serverKey] } ?? []
        let process = try Subprocess(Places.python, [Places.script("worker"), wire, "\(port)"] + files)
        let port = try await eventually("worker.py listens", within: .seconds(30)) { () -> Int? in
            if process.code != nil { throw Trouble("worker.py ended: \(process.errors)") }
            return process.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        return WorkerApp(process: process, port: port)
    }

    /// What it has told, but for a line that it was killed at.
    var events: [Event] {
        process.output.split(separator: "\n").dropFirst().compactMap { line in
            guard let all = try? JSONValue(parsing: String(line)), case .number(let time)? = all["time"] else { return nil }
            return Event(
                step: all["step"]?.string ?? "", text: all["text"]?.string ?? "", path: all["path"]?.string ?? "",
                version: all["version"]?.string ?? "", scheme: all["scheme"]?.string ?? "", time: Double("\(time)") ?? 0)
        }
    }

    /// The times at which it began with events whose text has `word`.
    func begun(_ word: String) -> [Double] { events.filter { $0.step == "begin" && $0.text.contains(word) }.map(\.time) }
    /// The texts of what it has done.
    var done: [String] { events.filter { $0.step == "end" }.map(\.text) }
}
