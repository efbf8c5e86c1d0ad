import ProtoWire
import Tracing

/// A batch as an `ExportTraceServiceRequest` of OTLP (opentelemetry-proto, trace/v1), by hand: it is the only message that
/// is sent. The writer goes backwards, so fields come from the last to the first.
enum OTLPSpans {
    static func with<Result>(_ spans: [Span], service: String, version: String, _ use: (UnsafeRawBufferPointer) -> Result) -> Result {
        ProtoWriter.with({ request in
            request.nested(1) { resourceSpans in
                resourceSpans.nested(2) { scopeSpans in
                    for span in spans.reversed() { scopeSpans.nested(2) { write(span, &$0) } }
                    scopeSpans.nested(1) { scope in
                        scope.string(2, version)
                        scope.string(1, "octavo")
                    }
                }
                resourceSpans.nested(1) { resource in
                    attribute(SpanAttribute("telemetry.sdk.name", "octavo"), 1, &resource)
                    attribute(SpanAttribute("service.name", service), 1, &resource)
                }
            }
        }, use: use)
    }

    private static func write(_ span: Span, _ out: inout ProtoWriter) {
        // flags: the sampled bit of the trace, as W3C has it.
        out.fixed32(16, span.context.isSampled ? 1 : 0)
        out.nested(15) { status in
            if let failure = span.failure {
                status.int32(3, 2)
                status.string(2, failure)
            }
        }
        for one in span.attributes.reversed() { attribute(one, 9, &out) }
        out.fixed64(8, span.end)
        out.fixed64(7, span.start)
        out.int32(6, Int32(span.kind.rawValue))
        out.string(5, span.name)
        if span.parent != 0 { number(4, span.parent, &out) }
        out.string(3, span.context.state)
        number(2, span.context.span, &out)
        withUnsafeBytes(of: (span.context.traceHigh.bigEndian, span.context.traceLow.bigEndian)) { out.bytes(1, $0) }
    }

    private static func attribute(_ attribute: SpanAttribute, _ number: UInt32, _ out: inout ProtoWriter) {
        out.nested(number) { pair in
            pair.nested(2) { value in
                switch attribute.value {
                case .text(let text): value.string(1, text, always: true)
                case .integer(let number): value.int64(3, number, always: true)
                }
            }
            pair.string(1, attribute.name)
        }
    }

    private static func number(_ field: UInt32, _ value: UInt64, _ out: inout ProtoWriter) {
        withUnsafeBytes(of: value.bigEndian) { out.bytes(field, $0) }
    }
}
