import Foundation
import JSONText
import Testing

/// A runtime's middleware in the tests: components, and the pipelines that name them.
struct Pipeline {
    let scratch: Scratch
    /// What to start a runtime with.
    let flags: [String]

    /// `components`: documents of resources. `api` and `app`: names and types, the outermost first.
    init(_ components: [String], api: [(String, String)] = [], app: [(String, String)] = [], fixture: Bool = false) async throws {
        scratch = try Scratch()
        try scratch.write(
            (components + [Resource.component("statestore", "state.in-memory")]).joined(separator: "---\n"), to: "resources/all.yaml")
        var lines = ["apiVersion: dapr.io/v1alpha1", "kind: Configuration", "metadata:", "  name: middleware", "spec:"]
        for (title, handlers) in [("httpPipeline", api), ("appHttpPipeline", app)] where !handlers.isEmpty {
            lines += ["  \(title):", "    handlers:"]
            for (name, type) in handlers { lines += ["    - name: \(name)", "      type: middleware.http.\(type)"] }
        }
        try scratch.write(lines.joined(separator: "\n") + "\n", to: "config.yaml")
        var flags = ["--resources-path", scratch.file("resources"), "--config", scratch.file("config.yaml")]
        if fixture {
            try FileManager.default.createDirectory(atPath: scratch.file("plugins"), withIntermediateDirectories: false)
            let built = try await Subprocess.run(
                "cc",
                [
                    "-std=c11", "-shared", "-fPIC", "-I", Places.headers, "-o", scratch.file("plugins/filter.so"),
                    Places.package + "/Tests/Fixtures/plugins/filter.c",
                ])
            guard built.code == 0 else { throw Trouble(built.errors) }
            flags += ["--plugins-dir", Places.products, "--plugins-dir", scratch.file("plugins")]
        }
        self.flags = flags
    }

    /// A component of a middleware.
    static func component(_ name: String, _ type: String, _ metadata: [(String, String)] = []) -> String {
        Resource.component(name, "middleware.http." + type, metadata)
    }
}
