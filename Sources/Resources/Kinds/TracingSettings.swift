/// Which requests are traced, and where spans go (`spec.tracing`).
package struct TracingSettings: Sendable, Equatable {
    /// The share of traces that begin here and are recorded; nil where nothing was written.
    package var rate: Double?
    /// Each span as a line of standard output.
    package var writesOutput = false
    package var collector: CollectorSettings?
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
        settings.collector = .read(fields.fields("otel", known: CollectorSettings.names, &report), &report)
        return settings
    }
}
