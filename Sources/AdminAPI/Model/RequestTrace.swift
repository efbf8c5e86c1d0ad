/// A request that was slow or failed, and where its time went: an element of `GET /v1/traces`. It holds no payload, no header
/// and no secret.
package struct RequestTrace: Sendable, Equatable, Codable {
    /// Time in a stage: `received`, `runtime`, `policies`, `waiting`, `component`, `peer`, `app`, `answered`.
    package struct Stage: Sendable, Equatable, Codable {
        package var name: String
        package var nanoseconds: Int64

        package init(name: String, nanoseconds: Int64) {
            self.name = name
            self.nanoseconds = nanoseconds
        }
    }

    /// 32 digits, as in `traceparent`.
    package var traceID: String
    package var spanID: String
    /// `http`, `grpc`, `invocation`, `pubsub`, `bindings`.
    package var wire: String
    /// Its path or method.
    package var name: String
    /// The component or app that it has to do with; empty when none was reached.
    package var target: String
    /// Status or code.
    package var code: String
    package var slow: Bool
    package var failed: Bool
    /// Tries of its calls after the first of each, by retries and hedges; nil without any.
    package var retries: Int?
    package var startUnixMilliseconds: Int64
    package var nanoseconds: Int64
    package var stages: [Stage]

    package init(
        traceID: String, spanID: String, wire: String, name: String, target: String, code: String, slow: Bool, failed: Bool, retries: Int? = nil,
        startUnixMilliseconds: Int64, nanoseconds: Int64, stages: [Stage]
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.wire = wire
        self.name = name
        self.target = target
        self.code = code
        self.slow = slow
        self.failed = failed
        self.retries = retries
        self.startUnixMilliseconds = startUnixMilliseconds
        self.nanoseconds = nanoseconds
        self.stages = stages
    }
}

/// `GET /v1/traces`, the newest first.
package struct TraceList: Sendable, Equatable, Codable {
    package var traces: [RequestTrace]
    /// What takes longer is slow.
    package var slowNanoseconds: Int64

    package init(traces: [RequestTrace], slowNanoseconds: Int64) {
        self.traces = traces
        self.slowNanoseconds = slowNanoseconds
    }
}
