import Telemetry
import TextSearch
import Tracing

/// Measures what building blocks and the app do on one event loop. Used there alone.
final class LoopMeter: BlockMeter {
    private let dapr: DaprMetrics?
    private let apps: MetricFamily<Histogram>
    private let shard: MetricShard
    /// Series that were needed before, by family and labels.
    private var pairs: [String: (Counter, Histogram)] = [:]
    // The last ones: most are like the one before.
    private var lastCall: CallSeries?
    private var lastSent: SentSeries?
    private var lastReceived: ReceivedSeries?
    private var lastAccess: (decision: AccessFacts, counter: Counter)?

    /// More are not looked up twice: names may come from outside, and the families are bounded themselves.
    private static let limit = 1024

    init(_ dapr: DaprMetrics?, apps: MetricFamily<Histogram>, loop: Int) {
        self.dapr = dapr
        self.apps = apps
        shard = MetricShard(loop: loop)
    }

    static func appFamily(_ registry: MetricsRegistry) -> MetricFamily<Histogram> {
        registry.histogram(
            MetricDefinition(
                "octavo_app_call_seconds", help: "Time that the app took for a delivery or a call.", labels: ["operation", "result"], limit: 256))
    }

    private func record(
        _ count: MetricFamily<Counter>, _ latency: MetricFamily<Histogram>, _ name: String, _ labels: [String], _ nanoseconds: UInt64
    ) {
        let (counter, histogram) = series(count, latency, name, labels)
        counter.add(1, shard)
        histogram.record(nanoseconds, shard)
    }

    private func series(
        _ count: MetricFamily<Counter>, _ latency: MetricFamily<Histogram>, _ name: String, _ labels: [String]
    ) -> (Counter, Histogram) {
        let key = name + "\u{1}" + labels.joined(separator: "\u{1}")
        if let known = pairs[key] { return known }
        let made = (count.series(labels), latency.series(labels))
        if pairs.count < Self.limit { pairs[key] = made }
        return made
    }

    private func record(_ pair: KeyPath<DaprMetrics, DaprMetrics.Pair>, _ name: String, _ component: String, _ labels: [String], _ nanoseconds: UInt64) {
        guard let dapr else { return }
        let families = dapr[keyPath: pair]
        record(families.count, families.latency, name, [dapr.appID, component, dapr.namespace] + labels, nanoseconds)
    }

    // MARK: Building blocks

    func published(component: String, topic: String, failed: Bool, nanoseconds: UInt64) {
        record(\.egress, "egress", component, [failed ? "false" : "true", topic], nanoseconds)
    }

    func delivered(component: String, topic: String, status: String, nanoseconds: UInt64) {
        record(\.ingress, "ingress", component, [status, topic], nanoseconds)
    }

    func bound(component: String, operation: String, failed: Bool, nanoseconds: UInt64) {
        record(\.outputBinding, "output", component, [operation, failed ? "false" : "true"], nanoseconds)
    }

    func bindingDelivered(component: String, failed: Bool, nanoseconds: UInt64) {
        record(\.inputBinding, "input", component, [failed ? "false" : "true"], nanoseconds)
    }

    // MARK: The app

    func appCalled(_ call: AppCallFacts) {
        if let last = lastCall, last.isFor(call) { return last.record(call.nanoseconds, shard) }
        let made = CallSeries(call, comparesPath: call.operation != "invoke" || call.isGRPC || namesPathsInDetail, apps.series(call.operation, call.failed ? "failed" : "ok"), series(call))
        lastCall = made
        made.record(call.nanoseconds, shard)
    }

    /// What one call of the app counts in.
    private final class CallSeries {
        private let call: AppCallFacts
        private let comparesPath: Bool
        private let histogram: Histogram
        private let dapr: (Counter, Histogram)?

        init(_ call: AppCallFacts, comparesPath: Bool, _ histogram: Histogram, _ dapr: (Counter, Histogram)?) {
            self.call = call
            self.comparesPath = comparesPath
            self.histogram = histogram
            self.dapr = dapr
        }

        func isFor(_ other: AppCallFacts) -> Bool {
            call.failed == other.failed && call.isGRPC == other.isGRPC && call.status == other.status && call.operation == other.operation
                && call.method == other.method && (!comparesPath || call.path == other.path)
        }

        func record(_ nanoseconds: UInt64, _ shard: MetricShard) {
            histogram.record(nanoseconds, shard)
            dapr?.0.add(1, shard)
            dapr?.1.record(nanoseconds, shard)
        }
    }

    /// Under Dapr's names.
    private func series(_ call: AppCallFacts) -> (Counter, Histogram)? {
        guard let dapr else { return nil }
        if call.isGRPC {
            return series(dapr.grpcClientCalls, dapr.grpcClientLatency, "grpc client", [dapr.appID, call.path, call.status])
        }
        // The app's paths are its own: those of deliveries are known, those of invocations only by patterns.
        let path = call.operation == "invoke" ? (dapr.paths.isDetailed ? dapr.paths.name(call.path.prefix { $0 != "?" }) : "/invoke") : call.path
        return series(
            dapr.httpClientCalls, dapr.httpClientLatency, "http client",
            [dapr.appID, dapr.paths.excludesVerbs ? "" : call.method, path, call.status])
    }

    // MARK: The APIs

    /// What one answer of the HTTP API counts in, to be kept by who sees the same again and again.
    final class HTTPSeries {
        let requests: Counter
        let responses: Counter
        let latency: Histogram

        init(requests: Counter, responses: Counter, latency: Histogram) {
            self.requests = requests
            self.responses = responses
            self.latency = latency
        }

        func record(_ nanoseconds: UInt64, _ shard: MetricShard) {
            requests.add(1, shard)
            responses.add(1, shard)
            latency.record(nanoseconds, shard)
        }
    }

    func http(_ method: String, _ path: Substring, _ status: Int) -> HTTPSeries? {
        guard let dapr else { return nil }
        let labels = [dapr.appID, dapr.paths.excludesVerbs ? "" : method, dapr.paths.name(path), "\(status)"]
        return HTTPSeries(
            requests: dapr.httpRequests.series(labels), responses: dapr.httpResponses.series(labels), latency: dapr.httpLatency.series(labels))
    }

    /// The path is known only when the method is one of the runtime's own.
    func grpc(_ method: String, _ code: String) -> (Counter, Histogram)? {
        guard let dapr else { return nil }
        let name = method.split(separator: "/").joined(separator: "/")
        return (dapr.grpcCalls.series([dapr.appID, name, code]), dapr.grpcLatency.series([dapr.appID, name, code]))
    }

    /// Whether what a path is called depends on more than the group of the API.
    var namesPathsInDetail: Bool { dapr?.paths.isDetailed ?? false }

    func pathName(_ path: Substring) -> String { dapr?.paths.name(path) ?? "" }

    func failed(code: String) {
        guard let dapr, dapr.recordsErrorCodes else { return }
        dapr.errorCodes.series(dapr.appID, code, Self.category(code)).add(1, shard)
    }

    /// Source: Dapr's categories.
    private static func category(_ code: String) -> String {
        let words: [(String, String)] = [
            ("STATE", "state"), ("PUBSUB", "pubsub"), ("PUBLISH", "pubsub"), ("DIRECT_INVOKE", "service-invocation"), ("SECRET", "secret"),
            ("CONFIGURATION", "configuration"), ("LOCK", "lock"), ("CRYPTO", "crypto"), ("BINDING", "binding"), ("HEALTH", "health"),
        ]
        return words.first { code.contains(text: $0.0) }?.1 ?? "common"
    }

    // MARK: Calls between apps

    /// This app has called another.
    func sent(to app: String, status: String, _ nanoseconds: UInt64) {
        guard let dapr else { return }
        if lastSent.map({ $0.app != app || $0.status != status }) ?? true {
            lastSent = SentSeries(
                app: app, status: status, calls: dapr.invocationsSent.series(dapr.appID, app, "unary"),
                answers: dapr.answersReceived.series(dapr.appID, app, status, "unary"), latency: dapr.answerLatency.series(dapr.appID, app, status))
        }
        guard let lastSent else { return }
        lastSent.calls.add(1, shard)
        lastSent.answers.add(1, shard)
        lastSent.latency.record(nanoseconds, shard)
    }

    /// Another app has called this one.
    func received(from app: String, status: String) {
        guard let dapr else { return }
        if lastReceived.map({ $0.app != app || $0.status != status }) ?? true {
            lastReceived = ReceivedSeries(
                app: app, status: status, calls: dapr.invocationsReceived.series(dapr.appID, app),
                answers: dapr.answersSent.series(dapr.appID, app, status))
        }
        lastReceived?.calls.add(1, shard)
        lastReceived?.answers.add(1, shard)
    }

    func accessDecided(_ decision: AccessFacts) {
        guard let dapr else { return }
        if lastAccess?.decision != decision {
            // Source: Dapr, whose `app_id` here is the caller's.
            let counter = dapr.access.family(decision).series(
                decision.caller, decision.trustDomain, decision.namespace, decision.operation, decision.verb, decision.isAllowed ? "true" : "false")
            lastAccess = (decision, counter)
        }
        lastAccess?.counter.add(1, shard)
    }

    private final class SentSeries {
        let app: String, status: String
        let calls: Counter, answers: Counter
        let latency: Histogram

        init(app: String, status: String, calls: Counter, answers: Counter, latency: Histogram) {
            (self.app, self.status, self.calls, self.answers, self.latency) = (app, status, calls, answers, latency)
        }
    }

    private final class ReceivedSeries {
        let app: String, status: String
        let calls: Counter, answers: Counter

        init(app: String, status: String, calls: Counter, answers: Counter) {
            (self.app, self.status, self.calls, self.answers) = (app, status, calls, answers)
        }
    }
}
