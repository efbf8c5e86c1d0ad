import BuildingBlocks
import Tracing
import Transport

/// Each delivery is an activity of its own, in the trace of what is delivered.
extension AppLoop {
    /// Begins one. `trace` is what the publisher has sent, and becomes what the app is given: a malformed one is replaced.
    func follow(_ trace: inout AppTrace) -> ActivityRef {
        var parent = TraceContext(parent: trace.parent)
        if !trace.state.isEmpty { parent?.state = TraceState.checked(trace.state) }
        let activity = tracer.begin(parent: parent, startedAt: monotonicNow())
        if let live = activity.live {
            live.move(to: .waiting)
            trace = AppTrace(parent: live.context.parent, state: live.context.state)
        }
        return activity
    }

    /// `done`, with the end of the activity behind it. Source of names and attributes: Dapr's spans.
    func ending<Value>(
        _ delivery: ActivityRef, _ block: String, _ name: String, _ component: String, path: String, status: @escaping (Value) -> String,
        _ done: @escaping (Result<Value, AppFailure>) -> Void
    ) -> (Result<Value, AppFailure>) -> Void {
        delivery.live?.delivers(block, name)
        return { [tracer, wire = options.wire] result in
            let end = monotonicNow()
            if let meter = tracer.meter, let live = delivery.live {
                live.move(to: .answered, at: end)
                Self.measure(result, meter, wire.isGRPC, block, name, component, path, status, live.time(in: .app), live.sizes)
            }
            tracer.with(delivery) { done(result) }
            var failure: String?
            if case .failure(let cause) = result { failure = cause.code }
            if let live = delivery.live, live.target.isEmpty { live.target = component }
            tracer.end(delivery, at: end, failed: failure != nil) {
                var attributes = [SpanAttribute("dapr.api", "\(block)/\(name)"), SpanAttribute("dapr.protocol", wire.isGRPC ? "grpc" : "http")]
                if block == "pubsub" {
                    attributes += [SpanAttribute("messaging.system", "pubsub"), SpanAttribute("messaging.destination.name", name)]
                } else {
                    attributes += [SpanAttribute("db.system", block), SpanAttribute("db.name", component)]
                }
                return .init(name: "\(block)/\(name)", kind: .client, wire: block, code: failure ?? "OK", attributes: attributes)
            }
        }
    }
}

extension AppLoop {
    private static func measure<Value>(
        _ result: Result<Value, AppFailure>, _ meter: any BlockMeter, _ isGRPC: Bool, _ block: String, _ name: String, _ component: String,
        _ path: String, _ status: (Value) -> String, _ nanoseconds: UInt64,
        _ sizes: (sent: Int, received: Int)
    ) {
        let outcome: String, code: String
        switch result {
        case .success(let value): (outcome, code) = (status(value), isGRPC ? "OK" : "200")
        case .failure(let failure): (outcome, code) = ("retry", failure.code)
        }
        let failed = if case .failure = result { true } else { false }
        if block == "pubsub" {
            meter.delivered(component: component, topic: name, status: outcome, nanoseconds: nanoseconds)
        } else {
            meter.bindingDelivered(component: component, failed: failed, nanoseconds: nanoseconds)
        }
        meter.appCalled(
            AppCallFacts(
                operation: "\(block)/\(name)", isGRPC: isGRPC, method: "POST", path: path, status: code, failed: failed, nanoseconds: nanoseconds,
                sentBytes: sizes.sent, receivedBytes: sizes.received))
    }
}

extension AppVerdict {
    /// Source: Dapr's `process_status`.
    var status: String {
        switch self {
        case .success, .discard: "success"
        case .retry: "retry"
        case .drop: "drop"
        }
    }
}

extension AppFailure {
    /// In a word.
    var code: String {
        switch kind {
        case .unreachable: "UNREACHABLE"
        case .timeout: "TIMEOUT"
        case .overloaded: "OVERLOADED"
        case .status(let status): "\(status)"
        case .code(let code): "\(GRPCCode(rawValue: code) ?? .unknown)"
        case .malformed: "MALFORMED"
        }
    }
}

extension AppTrace {
    /// As gRPC metadata.
    var metadata: [(String, String)] {
        guard let context = TraceContext(parent: parent) else { return fields }
        return fields + [("grpc-trace-bin", context.binaryText)]
    }
}
