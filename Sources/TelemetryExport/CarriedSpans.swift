package import Tracing

/// Spans as messages for a carrier: OTLP, or Zipkin.
package struct CarriedSpans: SpanDestination {
    package enum Form: String, Sendable {
        case otlp, zipkin
    }

    package var name: String { form.rawValue }
    private let form: Form
    private let resource: ExportResource
    private let carrier: any Carrier

    package init(_ form: Form, _ resource: ExportResource, by carrier: any Carrier) {
        self.form = form
        self.resource = resource
        self.carrier = carrier
    }

    package func send(_ spans: [Span]) async -> Delivery {
        switch form {
        case .otlp: await carrier.send(OTLPSpans.with(spans, resource) { Array($0) })
        case .zipkin: await carrier.send(ZipkinSpans.json(spans, service: resource.service))
        }
    }

    package func close() async { await carrier.close() }
}
