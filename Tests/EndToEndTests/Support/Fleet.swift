import Foundation

/// Apps with their runtimes, which find each other by a file of names of their own, and runtimes that call them.
final class Fleet {
    let scratch: Scratch
    private var apps: [Subprocess] = []
    private var runtimes: [OctavoProcess] = []

    init() throws {
        scratch = try Scratch()
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata: {name: names}
            spec:
              nameResolution:
                component: sqlite
                configuration: {connectionString: \(scratch.file("names.db")), updateInterval: 1s}

            """, to: "config.yaml")
    }

    deinit {
        for app in apps { app.kill(SIGKILL) }
        for runtime in runtimes {
            runtime.process.kill(SIGCONT)
            runtime.process.kill(SIGKILL)
        }
    }

    /// An instance of the app `id`: `faulty_app.py` in this mode, and its runtime.
    @discardableResult
    func app(_ id: String, _ mode: String = "good", flags: [String] = []) async throws -> (app: Subprocess, runtime: OctavoProcess) {
        let (process, port) = try await bare(mode)
        return (process, try await runtime(id, ["--app-port", "\(port)", "--app-protocol", mode.hasPrefix("grpc") ? "grpc" : "http"] + flags))
    }

    /// The app alone, and its port.
    func bare(_ mode: String) async throws -> (app: Subprocess, port: Int) {
        let process = try Subprocess(Places.python, [Places.script("faulty_app"), mode])
        apps.append(process)
        return (
            process,
            try await eventually("the app listens: \(process.errors)", within: .seconds(30)) {
                process.output.split(separator: "\n").first.flatMap { Int($0) }
            }
        )
    }

    /// A runtime without an app, with these policies.
    func caller(_ id: String, _ policies: String? = nil) async throws -> OctavoProcess {
        guard let policies else { return try await runtime(id, []) }
        try write(policies, for: id)
        return try await runtime(id, ["--resources-path", scratch.file(id)])
    }

    func write(_ spec: String, for id: String) throws {
        try scratch.write(
            "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: rules}\nspec:\n" + spec + "\n", to: "\(id)/rules.yaml")
    }

    private func runtime(_ id: String, _ flags: [String]) async throws -> OctavoProcess {
        let made = try await OctavoProcess.start(flags: ["--app-id", id, "--config", scratch.file("config.yaml")] + flags)
        runtimes.append(made)
        return made
    }

    /// Sends `count` requests to the app, so many at a time, each of which may take `seconds`, and counts the answers by their status; 0
    /// is none.
    static func send(
        _ count: Int, to app: String, by caller: OctavoProcess, at once: Int = 4, seconds: Int = 3, fields: [String] = [],
        body: String? = nil, path: String = "a"
    ) async throws -> [Int: Int] {
        var arguments = ["-s", "-Z", "--parallel-immediate", "--parallel-max", "\(once)", "-m", "\(seconds)", "-o", "/dev/null", "-w", "%{http_code}\n"]
        for field in fields { arguments += ["-H", field] }
        if body != nil { arguments += ["-H", "expect:", "--data-binary", "@-"] }
        let end = try await Subprocess.run(
            "curl", arguments + ["\(caller.base)/v1.0/invoke/\(app)/method/\(path)?[1-\(count)]"], input: body, within: .seconds(120))
        var counts: [Int: Int] = [:]
        for line in end.output.split(separator: "\n") { counts[Int(line) ?? -1, default: 0] += 1 }
        return counts
    }

    /// Waits until the caller gets answers of all modes.
    static func found(_ app: String, modes: Set<String>, by caller: OctavoProcess) async throws {
        var seen: Set<String> = []
        try await eventually("the caller \(modes), \(seen)", within: .seconds(30)) {
            for _ in 0..<4 {
                if let mode = try? await Curl(path: "/v1.0/invoke/\(app)/method/a").send(to: caller.base).json?["mode"]?.string { seen.insert(mode) }
            }
            return modes.isSubset(of: seen) ? () : nil
        }
    }
}
