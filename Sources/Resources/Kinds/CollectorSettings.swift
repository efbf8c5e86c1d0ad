/// A collector of OpenTelemetry, as `spec.tracing.otel` and `spec.metrics.otel` name it.
package struct CollectorSettings: Sendable, Equatable {
    package enum Wire: String, Sendable { case grpc, http }

    package var wire: Wire
    /// `host:port` or a URL.
    package var address: String
    /// Unless the address is a URL.
    package var isSecure = true
    /// May be secrets.
    package var headers: [(name: String, value: String)] = []
    package var timeout: Duration?

    package init(wire: Wire, address: String) {
        self.wire = wire
        self.address = address
    }

    package static func == (a: Self, b: Self) -> Bool {
        a.wire == b.wire && a.address == b.address && a.isSecure == b.isSecure && a.timeout == b.timeout
            && a.headers.elementsEqual(b.headers) { $0 == $1 }
    }
}

extension CollectorSettings {
    static let names = ["protocol", "endpointAddress", "isSecure", "headers", "timeout"]

    /// nil: none is named, or it can't be read.
    static func read(_ otel: Fields, _ report: inout Report) -> CollectorSettings? {
        guard let address = otel.text("endpointAddress", &report), !address.isEmpty else { return nil }
        let word = otel.text("protocol", &report) ?? "grpc"
        guard let wire = Wire(rawValue: word.lowercased()) else {
            report.error(otel["protocol"]?.mark ?? otel.mark, "\(otel.at("protocol")) must be grpc or http, not \"\(word)\"")
            return nil
        }
        var collector = CollectorSettings(wire: wire, address: address)
        collector.isSecure = otel.boolean("isSecure", &report) ?? true
        collector.timeout = otel.duration("timeout", bareUnit: .milliseconds(1), &report)
        collector.headers = headers(otel, &report)
        return collector
    }

    /// A list of `{name, value}`, or `name=value` with commas between, as OpenTelemetry's variables have it.
    private static func headers(_ otel: Fields, _ report: inout Report) -> [(name: String, value: String)] {
        guard let node = otel["headers"] else { return [] }
        if node.scalar != nil { return listed(otel.text("headers", &report) ?? "") }
        var headers: [(name: String, value: String)] = []
        for (index, node) in otel.items("headers", &report).enumerated() {
            let fields = Fields(node, path: "\(otel.at("headers"))[\(index)]", in: node.mark, known: ["name", "value"], &report)
            guard let name = fields.requiredText("name", &report, hint: "it names a header field") else { continue }
            headers.append((name, fields.text("value", &report) ?? ""))
        }
        return headers
    }

    package static func listed(_ text: String) -> [(name: String, value: String)] {
        text.split(separator: ",").compactMap { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            func trimmed(_ text: Substring) -> String { String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
            let name = trimmed(parts[0])
            return name.isEmpty ? nil : (name, trimmed(parts[1]))
        }
    }
}
