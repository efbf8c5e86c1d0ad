import JSONText
package import Telemetry
package import Tracing

/// Writes each span as one line of JSON, in Zipkin's form. Source: Dapr's `spec.tracing.stdout`.
package struct OutputDestination: SpanDestination {
    package var name: String { "stdout" }
    private let service: String
    private let sink: LogSink

    package init(service: String, sink: LogSink) {
        self.service = service
        self.sink = sink
    }

    package func send(_ spans: [Span]) async -> Delivery {
        for span in spans {
            var writer = JSONWriter(reserving: 512)
            ZipkinSpans.write(span, service, &writer)
            sink.write(writer.bytes + [0x0A])
        }
        return .taken
    }

    package func close() async { sink.flush() }
}
