import JSONText

/// An app of the test in Python: what it was given is its output.
struct SubscriberApp {
    let process: Subprocess
    let port: Int

    /// `more`: further arguments of the program.
    static func start(_ wire: String, port: Int = 0, _ more: [String] = []) async throws -> SubscriberApp {
        try await start(script: "subscriber", [wire, "\(port)"] + more)
    }

    /// Any program that prints its port first and then what it was given.
    static func start(script: String, _ arguments: [String]) async throws -> SubscriberApp {
        let process = try Subprocess(Places.python, [Places.script(script)] + arguments)
        let port = try await eventually("the app listens: \(process.errors)") {
            process.output.split(separator: "\n").first.flatMap { Int($0) }
        }
        return SubscriberApp(process: process, port: port)
    }

    /// What came to the path, in its order.
    func seen(_ path: String) -> [JSONValue] {
        process.output.split(separator: "\n").dropFirst().compactMap { try? JSONValue(parsing: String($0)) }
            .filter { $0["path"]?.string == path }
    }

    func data(_ path: String) -> [String] { seen(path).compactMap { $0["data"]?.string } }
}
