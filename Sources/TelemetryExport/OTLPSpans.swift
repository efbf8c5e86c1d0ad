import ProtoWire
import Tracing

/// A batch as an `ExportTraceServiceRequest` of OTLP (opentelemetry-proto, trace/v1), by hand: it is one of two messages. The
/// writer goes backwards, so fields come from the last to the first.
enum OTLPSpans {
    static func with<Result>(_ spans: [Span], _ resource: ExportResource, _ use: (UnsafeRawBufferPointer) -> Result) -> Result {
        ProtoWriter.with({ request in
            request.nested(1) { resourceSpans in
                resourceSpans.nested(2) { scopeSpans in
                    for span in spans.reversed() { scopeSpans.nested(2) { write(span, &$0) } }
                    resource.writeScope(1, &scopeSpans)
                }
                resource.write(1, &resourceSpans)
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
        for one in span.attributes.reversed() { ExportResource.write(one, 9, &out) }
        out.fixed64(8, span.end)
        out.fixed64(7, span.start)
        out.int32(6, Int32(span.kind.rawValue))
        out.string(5, span.name)
        if span.parent != 0 { number(4, span.parent, &out) }
        out.string(3, span.context.state)
        number(2, span.context.span, &out)
        withUnsafeBytes(of: (span.context.traceHigh.bigEndian, span.context.traceLow.bigEndian)) { out.bytes(1, $0) }
    }

    private static func number(_ field: UInt32, _ value: UInt64, _ out: inout ProtoWriter) {
        withUnsafeBytes(of: value.bigEndian) { out.bytes(field, $0) }
    }
}
