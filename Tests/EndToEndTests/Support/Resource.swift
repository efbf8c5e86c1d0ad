/// Resource files of the tests.
enum Resource {
    /// A component with metadata in the order given; `extra` lines go under `spec`.
    static func component(
        _ name: String, _ type: String, _ metadata: [(String, String)] = [], version: String = "v1", extra: [String] = []
    ) -> String {
        var lines = [
            "apiVersion: dapr.io/v1alpha1", "kind: Component", "metadata:", "  name: \(name)", "spec:", "  type: \(type)",
            "  version: \(version)",
        ]
        lines += extra.map { "  " + $0 }
        if !metadata.isEmpty { lines.append("  metadata:") }
        for (name, value) in metadata { lines += ["    - name: \(name)", "      value: \"\(value)\""] }
        return lines.joined(separator: "\n") + "\n"
    }
}
