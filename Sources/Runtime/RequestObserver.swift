import Logging
import Telemetry
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
    /// The last series of gRPC: most requests are like the one before.
    private var last: (method: String, code: GRPCCode, histogram: Histogram)?
    private var grpc: [String: Histogram] = [:]
    private var http: [String: Histogram] = [:]
    /// The last one of HTTP, by what decides on it: the verb, the group of the API that the path begins with, the status.
    private var lastHTTP: (method: String, prefix: String, status: Int, histogram: Histogram)?

    init(_ family: MetricFamily<Histogram>, loop: Int, log: Log?) {
        self.family = family
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
        if let last, last.code == code, last.method == method {
            last.histogram.record(nanoseconds, shard)
        } else {
            let histogram = series(method, code, isKnown: call.isKnownMethod)
            last = (method, code, histogram)
            histogram.record(nanoseconds, shard)
        }
        guard let log else { return }
        if log.omitsHealthChecks, method.hasPrefix("/grpc.health.v1.") { return }
        write(log, "gRPC", method, "\(code)", nanoseconds, isFailure: code != .ok)
    }

    private func series(_ method: String, _ code: GRPCCode, isKnown: Bool) -> Histogram {
        let operation = isKnown ? String(method.split(separator: "/").last ?? "") : "unknown"
        let key = "\(operation) \(code.rawValue)"
        if let known = grpc[key] { return known }
        let made = family.series("grpc", operation, "\(code)")
        grpc[key] = made
        return made
    }

    // MARK: HTTP

    func ended(_ request: HTTPRequest, _ status: Int, _ nanoseconds: UInt64) {
        if log == nil, let last = lastHTTP, last.status == status, last.method == request.method, request.target.hasPrefix(last.prefix) {
            return last.histogram.record(nanoseconds, shard)
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
        let path = request.target.prefix { $0 != "?" }
        let segments = path.split(separator: "/", maxSplits: 2)
        if segments.count == 3, !operation.hasSuffix(" other"), path.hasPrefix("/\(segments[0])/\(segments[1])/") {
            lastHTTP = (request.method, "/\(segments[0])/\(segments[1])/", status, histogram)
        }
        guard let log else { return }
        if log.omitsHealthChecks, operation.hasSuffix("healthz") { return }
        write(
            log, "HTTP", log.obfuscatesURLs ? operation : "\(request.method) \(path)", "\(status)", nanoseconds,
            isFailure: status == 0 || status >= 400)
    }

    /// `GET state`: what a path asks for, without what it names; a word of ours, so that there are few.
    static func operation(_ method: String, _ target: String) -> String {
        let verb = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"].contains(method) ? method : "other"
        let path = target.prefix { $0 != "?" }.split(separator: "/", maxSplits: 4)
        guard path.count >= 2, path[0].hasPrefix("v1.0"), groups.contains(path[1]) else { return "\(verb) other" }
        return "\(verb) \(path[1])"
    }

    private static let groups: Set<Substring> = [
        "state", "secrets", "metadata", "healthz", "shutdown", "invoke", "publish", "bindings", "configuration", "lock", "unlock",
        "actors", "workflows", "crypto", "subtlecrypto", "jobs", "conversation",
    ]

    private func write(
        _ log: Log, _ wire: String, _ method: String, _ code: String, _ nanoseconds: UInt64, isFailure: Bool
    ) {
        log.logger.info(
            "\(wire) API called",
            metadata: ["method": "\(method)", "code": "\(code)", "duration": "\(Double(nanoseconds / 1000) / 1000) ms"])
    }
}
