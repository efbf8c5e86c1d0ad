import JSONText
import Tracing

/// A batch as Zipkin's JSON, version 2.
enum ZipkinSpans {
    static func json(_ spans: [Span], service: String) -> [UInt8] {
        var writer = JSONWriter(reserving: spans.count * 512)
        writer.beginArray()
        for span in spans { write(span, service, &writer) }
        writer.endArray()
        return writer.bytes
    }

    /// One object.
    static func write(_ span: Span, _ service: String, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("traceId", span.context.traceID)
        writer.member("id", TraceContext.text(span: span.context.span))
        if span.parent != 0 { writer.member("parentId", TraceContext.text(span: span.parent)) }
        writer.member("name", span.name)
        switch span.kind {
        case .client: writer.member("kind", "CLIENT")
        case .server: writer.member("kind", "SERVER")
        case .producer: writer.member("kind", "PRODUCER")
        case .consumer: writer.member("kind", "CONSUMER")
        case .internal: break
        }
        writer.name("timestamp")
        writer.integer(Int(span.start / 1000))
        writer.name("duration")
        // Zipkin takes zero for unknown.
        writer.integer(max(1, Int((span.end - min(span.start, span.end)) / 1000)))
        writer.name("localEndpoint")
        writer.beginObject()
        writer.member("serviceName", service)
        writer.endObject()
        writer.name("tags")
        writer.beginObject()
        for one in span.attributes {
            switch one.value {
            case .text(let text): writer.member(one.name, text)
            case .integer(let number): writer.member(one.name, String(number))
            }
        }
        if let failure = span.failure { writer.member("error", failure) }
        writer.endObject()
        writer.endObject()
    }
}
