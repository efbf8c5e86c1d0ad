import JSONText

/// An app of the test in Python: what it was given is its output.
struct SubscriberApp {
    let process: Subprocess
    let port: Int

    static func start(_ wire: String, port: Int = 0) async throws -> SubscriberApp {
        let process = try Subprocess(Places.python, [Places.scripts + "/subscriber.py", wire, "\(port)"])
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
