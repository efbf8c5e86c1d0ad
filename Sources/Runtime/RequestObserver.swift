import Logging
import Telemetry
import Tracing
import Transport

/// Measures the requests of one event loop, and logs them when that is asked for. Used on that loop alone.
final class RequestObserver {
    /// What there is to say about each request.
    struct Log: Sendable {
        let logger: Logger
        /// Paths without the names and keys in them.
        let obfuscatesURLs: Bool
        let omitsHealthChecks: Bool
    }

    private let family: MetricFamily<Histogram>
    private let shard: MetricShard
    private let log: Log?
    private let tracer: LoopTracer
    /// Of the APIs' own; nil where only other runtimes call.
    private let meter: LoopMeter?
    private let appIsGRPC: Bool
    /// The last series of gRPC: most requests are like the one before.
    private var last = LastSeries<GRPCSeries>()
    private var grpc: [String: GRPCSeries] = [:]
    private var http: [String: Histogram] = [:]
    private var daprHTTP: [String: SeriesGroup] = [:]
    /// The last one of HTTP, by what decides on it: the verb, the group of the API that the path begins with, the status.
    private var lastHTTP = LastSeries<HTTPSeries>()

    /// With those under Dapr's names.
    private final class HTTPSeries: SeriesGroup {
        let method: String
        let prefix: String
        let status: Int

        init(_ method: String, _ prefix: String, _ status: Int, _ histogram: Histogram, _ dapr: LoopMeter.AnswerSeries?, _ shard: MetricShard) {
            self.method = method
            self.prefix = prefix
            self.status = status
            super.init(dapr?.counters ?? [], [histogram] + (dapr.map { [$0.latency] } ?? []), sizes: dapr?.sizes, shard)
        }
    }

    /// With those under Dapr's names.
    private final class GRPCSeries: SeriesGroup {
        let method: String
        let code: GRPCCode
        let histogram: Histogram
        let dapr: LoopMeter.AnswerSeries?

        init(_ method: String, _ code: GRPCCode, _ histogram: Histogram, dapr: LoopMeter.AnswerSeries?, _ shard: MetricShard) {
            self.method = method
            self.code = code
            self.histogram = histogram
            self.dapr = dapr
            super.init(dapr?.counters ?? [], [histogram] + (dapr.map { [$0.latency] } ?? []), sizes: dapr?.sizes, shard)
        }
    }

    init(_ family: MetricFamily<Histogram>, loop: Int, log: Log?, tracer: LoopTracer, appIsGRPC: Bool) {
        self.family = family
        self.appIsGRPC = appIsGRPC
        meter = tracer.meter as? LoopMeter
        self.tracer = tracer
        shard = MetricShard(loop: loop)
        self.log = log
    }

    static func family(_ registry: MetricsRegistry) -> MetricFamily<Histogram> {
        registry.histogram(
            MetricDefinition(
                "octavo_request_seconds", help: "Time from a request's headers until the end of its answer.",
                labels: ["protocol", "operation", "code"], limit: 512))
    }

    // MARK: gRPC

    func ended(_ call: GRPCCall, _ code: GRPCCode, _ nanoseconds: UInt64) {
        let method = call.path
        if !last.record(nanoseconds, received: call.receivedBytes, sent: call.sentBytes, if: { $0.code == code && $0.method == method }) {
            let series = series(method, code, isKnown: call.isKnownMethod)
            // All unknown methods count in one series; a method is known for as long as the runtime runs.
            last.keep(call.isKnownMethod || series.method == method ? series : GRPCSeries(method, code, series.histogram, dapr: series.dapr, shard))
            series.record(nanoseconds, received: call.receivedBytes, sent: call.sentBytes)
        }
        let trace = log == nil ? nil : call.activity?.live?.context.traceID
        end(call, code, nanoseconds, kind: .client)
        guard let log else { return }
        if log.omitsHealthChecks, method.hasPrefix("/grpc.health.v1.") { return }
        write(log, "gRPC", method, code.word, nanoseconds, trace)
    }

    private func series(_ method: String, _ code: GRPCCode, isKnown: Bool) -> GRPCSeries {
        let operation = isKnown ? String(method.split(separator: "/").last ?? "") : "unknown"
        let key = "\(operation) \(code.rawValue)"
        if let known = grpc[key] { return known }
        let made = GRPCSeries(
            method, code, family.series("grpc", operation, code.word), dapr: meter?.grpc(isKnown ? method : "other", code.word), shard)
        grpc[key] = made
        return made
    }

    // MARK: HTTP

    func ended(_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) {
        let (received, sent) = (request.receivedBytes, request.sentBytes)
        if log == nil,
            lastHTTP.record(
                nanoseconds, received: received, sent: sent,
                if: { $0.status == status && $0.method == request.method && request.target.hasPrefix($0.prefix) })
        {
            if meter?.namesPathsInDetail == true { series(request, status)?.record(nanoseconds, received: received, sent: sent) }
            return end(request, status, nanoseconds, kind: .client)
        }
        let operation = RequestObserver.operation(request.method, request.target)
        let key = "\(operation) \(status)"
        let histogram: Histogram
        if let known = http[key] {
            histogram = known
        } else {
            histogram = family.series("http", operation, status == 0 ? "aborted" : "\(status)")
            http[key] = histogram
        }
        histogram.record(nanoseconds, shard)
        series(request, status)?.record(nanoseconds, received: received, sent: sent)
        let path = request.target.prefix { $0 != "?" }
        let segments = path.split(separator: "/", maxSplits: 2)
        if segments.count == 3, !operation.hasSuffix(" other"), path.hasPrefix("/\(segments[0])/\(segments[1])/") {
            // By the group of the API alone, unless the rest of the path counts, too.
            let dapr = meter?.namesPathsInDetail == true ? nil : meter?.http(request.method, path, status)
            lastHTTP.keep(HTTPSeries(request.method, "/\(segments[0])/\(segments[1])/", status, histogram, dapr, shard))
        }
        let trace = log == nil ? nil : request.activity?.live?.context.traceID
        end(request, status, nanoseconds, kind: .client)
        guard let log else { return }
        if log.omitsHealthChecks, operation.hasSuffix("healthz") { return }
        write(
            log, "HTTP", log.obfuscatesURLs ? operation : "\(request.method) \(path)", "\(status)", nanoseconds, trace)
    }

    /// Under Dapr's names; nil when nobody reads them.
    private func series(_ request: HTTPRequest, _ status: Int) -> SeriesGroup? {
        guard let meter else { return nil }
        let path = request.target.prefix { $0 != "?" }
        let key = "\(request.method) \(status) \(meter.pathName(path))"
        if let known = daprHTTP[key] { return known }
        let made = meter.http(request.method, path, status).map { SeriesGroup($0.counters, [$0.latency], sizes: $0.sizes, shard) }
        if daprHTTP.count < 1024 { daprHTTP[key] = made }
        return made
    }

    /// `GET state`: what a path asks for, without what it names; a word of ours, so that there are few.
    static func operation(_ method: String, _ target: String) -> String {
        let verb = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"].contains(method) ? method : "other"
        let path = target.prefix { $0 != "?" }.split(separator: "/", maxSplits: 4)
        guard path.count >= 2, path[0].hasPrefix("v1.0"), groups.contains(path[1]) else { return "\(verb) other" }
        return "\(verb) \(path[1])"
    }

    static let groups: Set<Substring> = [
        "state", "secrets", "metadata", "healthz", "shutdown", "invoke", "publish", "bindings", "configuration", "lock", "unlock",
        "actors", "workflows", "crypto", "subtlecrypto", "jobs", "conversation",
    ]

    private func write(
        _ log: Log, _ wire: String, _ method: String, _ code: String, _ nanoseconds: UInt64, _ trace: String?
    ) {
        var facts: Logger.Metadata = ["method": "\(method)", "code": "\(code)", "duration": "\(Double(nanoseconds / 1000) / 1000) ms"]
        if let trace { facts["trace_id"] = "\(trace)" }
        log.logger.info("\(wire) API called", metadata: facts)
    }

    // MARK: Traces

    /// A call of another runtime has ended.
    func invoked(_ call: GRPCCall, _ code: GRPCCode, _ nanoseconds: UInt64) {
        if let meter {
            let caller: Void? = call.withMetadata("dapr-caller-app-id") { meter.received(from: $0, status: code.word) }
            if caller == nil { meter.received(from: "", status: code.word) }
        }
        end(call, code, nanoseconds, kind: .server)
    }

    func invoked(_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) {
        if let meter {
            let caller: Void? = request.headers.withValue("dapr-caller-app-id") { meter.received(from: $0, status: "\(status)") }
            if caller == nil { meter.received(from: "", status: "\(status)") }
        }
        end(request, status, nanoseconds, kind: .server)
    }

    /// Counts what an activity has done beside being a request.
    private func measure(
        _ activity: Activity, _ method: String, _ path: String, _ status: String, failed: Bool, _ nanoseconds: UInt64, kind: Span.Kind,
        received: Int, sent: Int
    ) {
        guard let meter else { return }
        if !activity.errorCode.isEmpty { meter.failed(code: activity.errorCode) }
        guard activity.isInvocation else { return }
        if kind == .client { meter.sent(to: activity.target, status: status, nanoseconds) }
        let app = activity.time(in: .app)
        guard app > 0 else { return }
        // What has come has been sent on, and the app's answer back.
        meter.invoked(
            isGRPC: appIsGRPC, method, appIsGRPC ? "dapr.proto.runtime.v1.AppCallback/OnInvoke" : path, status, failed: failed, app,
            sent: received, received: sent)
    }

    private func end(_ call: GRPCCall, _ code: GRPCCode, _ nanoseconds: UInt64, kind: Span.Kind) {
        guard let activity = call.activity else { return }
        tracer.end(
            activity, at: call.begunAt &+ nanoseconds, failed: code != .ok,
            noted: {
                measure(
                    $0, "POST", call.path, code.word, failed: code != .ok, nanoseconds, kind: kind, received: call.receivedBytes,
                    sent: call.sentBytes)
            }
        ) {
            let service = call.path.split(separator: "/").first.map(String.init) ?? ""
            return .init(
                name: call.path, kind: kind, wire: kind == .server ? "invocation" : "grpc", code: code.word,
                attributes: [
                    SpanAttribute("dapr.api", call.path), SpanAttribute("dapr.protocol", "grpc"), SpanAttribute("dapr.status_code", code.rawValue),
                    SpanAttribute("rpc.service", service),
                ])
        }
    }

    private func end(_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64, kind: Span.Kind) {
        guard let activity = request.activity else { return }
        let failed = status == 0 || status >= 400
        tracer.end(
            activity, at: request.begunAt &+ nanoseconds, failed: failed,
            noted: {
                measure(
                    $0, request.method, request.target, "\(status)", failed: failed, nanoseconds, kind: kind, received: request.receivedBytes,
                    sent: request.sentBytes)
            }
        ) {
            // Without what is asked for in the query, where apps put what they like.
            let path = String(request.target.prefix { $0 != "?" })
            let hides = log?.obfuscatesURLs ?? false
            let name = hides ? RequestObserver.operation(request.method, request.target) : path
            return .init(
                name: name, kind: kind, wire: kind == .server ? "invocation" : "http", code: status == 0 ? "aborted" : "\(status)",
                attributes: [
                    SpanAttribute("dapr.api", hides ? name : "\(request.method) \(path)"), SpanAttribute("dapr.protocol", "http"),
                    SpanAttribute("dapr.status_code", status), SpanAttribute("http.request.method", request.method),
                    SpanAttribute("http.response.status_code", status),
                ])
        }
    }
}
