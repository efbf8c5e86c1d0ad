import Foundation

/// A broker that goes and comes back while the Dapr SDK publishes and hears.
enum BrokerRestart {
    /// `kill` ends the broker by a signal and starts it again; twice, in the middle of `pubsub_restart.py`.
    static func run(_ component: String, _ octavo: OctavoProcess, rounds: Int = 2, kill: () async throws -> Void) async throws {
        let script = try Subprocess(
            Places.python, [Places.script("pubsub_restart"), component, "\(rounds)"], environment: SDKTests.environment(octavo))
        for round in 1...rounds {
            try await eventually("round \(round): \(script.output)\(script.errors)", within: .seconds(60)) {
                if let code = script.code, code != 0 { throw Trouble("the script ended with \(code):\n\(script.output)\(script.errors)") }
                return script.output.contains("round \(round)\n") ? () : nil
            }
            try await kill()
        }
        let end = try await script.ended(within: .seconds(90))
        guard end.code == 0 else { throw Trouble("pubsub_restart.py ended with \(end.code):\n\(end.output)\(end.errors)") }
        FileHandle.standardError.write(Data("\(component): \(end.output.split(separator: "\n").last ?? "")\n".utf8))
    }
}
