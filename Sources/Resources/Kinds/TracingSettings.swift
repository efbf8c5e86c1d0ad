/// Which requests are traced, and where spans go (`spec.tracing`).
package struct TracingSettings: Sendable, Equatable {
    /// A collector of OpenTelemetry.
    package struct Collector: Sendable, Equatable {
        package enum Wire: String, Sendable { case grpc, http }

        package var wire: Wire
        /// `host:port` or a URL.
        package var address: String
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

    /// The share of traces that begin here and are recorded; nil where nothing was written.
    package var rate: Double?
    /// Each span as a line of standard output.
    package var writesOutput = false
    package var collector: Collector?
    /// Where Zipkin takes spans, a URL; empty for none.
    package var zipkin = ""
    /// Requests that take longer are kept for `octavo trace` (Octavo's own, Dapr ignores it).
    package var slow = TracingSettings.slow

    package init() {}

    /// Source: Dapr, where nothing, or nothing that can be read, is written.
    package static let rate = 0.0001
    package static let slow = Duration.milliseconds(250)
}

extension TracingSettings {
    static func read(_ fields: Fields, _ report: inout Report) -> TracingSettings {
        var settings = TracingSettings()
        if let written = fields.text("samplingRate", &report), !written.isEmpty {
            if let number = Double(written), number.isFinite, (0...1).contains(number) {
                settings.rate = number
            } else {
                report.warning(
                    fields["samplingRate"]?.mark ?? fields.mark,
                    "\(fields.at("samplingRate")) is read as \(rate): it must be a number from 0 (nothing is traced) to 1 (everything), not \"\(written)\"")
            }
        }
        settings.writesOutput = fields.boolean("stdout", &report) ?? false
        settings.zipkin = fields.fields("zipkin", known: ["endpointAddress"], &report).text("endpointAddress", &report) ?? ""
        if let slow = fields.duration("slowRequest", &report) { settings.slow = slow }
        let otel = fields.fields("otel", known: ["protocol", "endpointAddress", "isSecure", "headers", "timeout"], &report)
        guard let address = otel.text("endpointAddress", &report), !address.isEmpty else { return settings }
        let word = otel.text("protocol", &report) ?? "grpc"
        guard let wire = Collector.Wire(rawValue: word.lowercased()) else {
            report.error(otel["protocol"]?.mark ?? fields.mark, "\(otel.at("protocol")) must be grpc or http, not \"\(word)\"")
            return settings
        }
        var collector = Collector(wire: wire, address: address)
        collector.isSecure = otel.boolean("isSecure", &report) ?? true
        collector.timeout = otel.duration("timeout", bareUnit: .milliseconds(1), &report)
        collector.headers = headers(otel, &report)
        settings.collector = collector
        return settings
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
