import Foundation
import Testing

/// An app and runtimes that find each other by one name resolver.
final class Names: Sendable {
    let scratch: Scratch
    let flags: [String]
    private let app: Subprocess
    /// Of the app.
    let port: Int

    /// Where app and runtimes run, when that is not the network of the tests.
    private let space: NetworkSpace?

    /// `settings`: YAML lines below `configuration`.
    init(_ component: String, _ settings: [String], modes: [String] = [], in space: NetworkSpace? = nil) async throws {
        self.space = space
        scratch = try Scratch()
        flags = try Names.flags(component, settings, in: scratch) + modes
        (app, port) = try await Names.app("http", in: space)
    }

    /// The app alone, `invoked_app.py`, and its port. `wire`: `http` or `grpc`.
    static func app(_ wire: String, port: Int = 0, in space: NetworkSpace? = nil) async throws -> (process: Subprocess, port: Int) {
        let words = [Places.script("invoked_app"), wire, "\(port)"]
        let app = try Subprocess(
            space == nil ? Places.python : NetworkSpace.ip, space.map { $0.words([Places.python] + words) } ?? words)
        let port = try await eventually("the app listens: \(app.errors)", within: .seconds(30)) {
            app.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        return (app, port)
    }

    /// Flags that name a file of names of the test's own, for all of its runtimes. `more`: lines of the configuration.
    static func own(in scratch: Scratch, _ more: String = "") throws -> [String] {
        let flags = try flags("sqlite", ["connectionString: \(scratch.file("names.db"))", "updateInterval: 1s"], in: scratch)
        if !more.isEmpty { try scratch.write(scratch.read("config.yaml") + more + "\n", to: "config.yaml") }
        return flags
    }

    /// Flags that name the resolver.
    static func flags(_ component: String, _ settings: [String], in scratch: Scratch) throws -> [String] {
        let lines = [
            "apiVersion: dapr.io/v1alpha1", "kind: Configuration", "metadata:", "  name: names", "spec:", "  nameResolution:",
            "    component: \(component)", "    configuration:",
        ]
        return ["--config", try scratch.write((lines + settings.map { "      " + $0 }).joined(separator: "\n") + "\n", to: "config.yaml")]
    }

    /// A runtime before the app.
    func callee(_ id: String = "callee", flags more: [String] = [], environment: [String: String] = [:]) async throws -> OctavoProcess {
        try await OctavoProcess.start(
            flags: ["--app-id", id, "--app-port", "\(port)", "--app-protocol", "http"] + flags + more, environment: environment, space: space)
    }

    /// A runtime without an app.
    func caller(_ environment: [String: String] = [:], _ body: (OctavoProcess) async throws -> Void) async throws {
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + flags, environment: environment, space: space, body)
    }

    /// A call of an app.
    static func call(_ caller: OctavoProcess, _ app: String = "callee") async throws -> Curl.Answer {
        try await Curl(path: "/v1.0/invoke/\(app)/method/a").send(to: caller.base, seconds: 20, in: caller.space)
    }

    /// Waits until the app can be called.
    static func known(_ caller: OctavoProcess, _ app: String = "callee") async throws {
        var last: Curl.Answer?
        try await eventually("\(app) is known: \(last.map { "\($0)" } ?? "")", within: .seconds(40)) {
            last = try await call(caller, app)
            return last?.status == 200 ? () : nil
        }
    }

    /// Waits until nobody is there to be called.
    static func unknown(_ caller: OctavoProcess, _ app: String = "callee", within limit: Duration = .seconds(40)) async throws {
        var last: Curl.Answer?
        try await eventually("\(app) is unknown: \(last.map { "\($0)" } ?? "")", within: limit) {
            let answer = try await call(caller, app)
            last = answer
            return answer.status == 500 && answer.body.contains("no instance of it is known") ? () : nil
        }
    }

    /// Makes so many calls, one after the other; how many of them failed.
    static func failures(_ caller: OctavoProcess, of count: Int, _ app: String = "callee") async throws -> Int {
        var failed = 0
        for _ in 0..<count {
            let answer = try await call(caller, app)
            if answer.status == 200 { continue }
            failed += 1
            print("call \(app): \(answer)")
        }
        return failed
    }

    /// What every resolver that is told of instances does: two are called, one that ends or is killed is not any more, and calls do not
    /// fail meanwhile; nobody is called when all are gone.
    func comeAndGo() async throws {
        try await caller { caller in
            try await Names.unknown(caller)
            let one = try await callee()
            try await Names.known(caller)
            let two = try await callee()
            #expect(try await Names.failures(caller, of: 20) == 0)
            try await one.stop()
            #expect(try await Names.failures(caller, of: 20) == 0)
            let three = try await callee()
            #expect(try await Names.failures(caller, of: 20) == 0)
            try await two.killed()
            #expect(try await Names.failures(caller, of: 40) == 0)
            try await three.killed()
            try await Names.unknown(caller)
        }
    }
}

extension OctavoProcess {
    /// Where other runtimes call it.
    var internalPort: Int { addresses["internal"]?.split(separator: ":").last.flatMap { Int($0) } ?? 0 }
}
