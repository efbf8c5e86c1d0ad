import Tracing
package import Transport

/// Each request is an activity from its head to the end of its answer, which whoever observes the listeners is told of.
extension DaprAPI {
    /// Begins to follow a call, of which the message is there.
    func follow(_ call: GRPCCall) {
        guard call.begunAt != 0, call.activity == nil else { return }
        let activity = tracer.begin(parent: TraceContext(metadata: call.metadata), startedAt: call.begunAt)
        call.activity = activity
        guard activity.isTold, let live = activity.live else { return }
        // Source: Dapr, which answers so to every method but InvokeService.
        if call.isKnownMethod, !call.path.hasSuffix("/InvokeService") {
            for (name, value) in live.metadata where name == "grpc-trace-bin" { call.addInitialMetadata(name, value) }
        }
    }

    /// Begins to follow a request. Source: Dapr, which leaves questions for its health out.
    package func follow(_ request: HTTPRequest) {
        guard request.begunAt != 0, !request.target.hasPrefix("/v1.0/healthz") else { return }
        request.activity = tracer.begin(parent: TraceContext(request.headers), startedAt: request.begunAt)
    }
}

extension HTTPRequest {
    /// The trace that what the request causes belongs to, as the fields have it; what came with it when nobody follows.
    var trace: (parent: String, state: String) {
        if let live = activity?.live { return (live.context.parent, live.context.state) }
        guard let context = TraceContext(headers) else { return ("", "") }
        return (context.parent, context.state)
    }
}

extension GRPCCall {
    var trace: (parent: String, state: String) {
        if let live = activity?.live { return (live.context.parent, live.context.state) }
        guard let context = TraceContext(metadata: metadata) else { return ("", "") }
        return (context.parent, context.state)
    }
}
