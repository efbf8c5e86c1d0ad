import ProtoWire

/// A kind of message of OTLP.
package enum OTLPSignal: String, Sendable {
    case traces, metrics

    /// Where it goes over gRPC.
    var method: String {
        switch self {
        case .traces: "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        case .metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
        }
    }

    /// Where it goes over HTTP.
    package var path: String { "/v1/\(rawValue)" }

    /// What an `Export…ServiceResponse` says, the same for every signal: field 1 tells what was refused and why.
    static func outcome(_ response: UnsafeRawBufferPointer) -> Delivery {
        var rejected: Int64 = 0, cause = ""
        do throws(ProtoError) {
            try ProtoReader.with(response) { (message) throws(ProtoError) in
                while let field = try message.nextField() {
                    guard field == 1, let part = try message.borrowed() else {
                        try message.skip()
                        continue
                    }
                    try ProtoReader.with(part) { (partial) throws(ProtoError) in
                        while let field = try partial.nextField() {
                            switch field {
                            case 1: try partial.int64(&rejected)
                            case 2: try partial.string(&cause)
                            default: try partial.skip()
                            }
                        }
                    }
                }
            }
        } catch {
            // It has answered that it took it; an answer that can't be read changes nothing.
            return .taken
        }
        return rejected > 0 ? .partly(rejected: UInt64(rejected), cause: cause) : .taken
    }
}
