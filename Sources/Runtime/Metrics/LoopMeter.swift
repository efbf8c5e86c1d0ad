import Glibc
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
    private var lastCall = LastSeries<CallSeries>()
    private var lastSent = LastSeries<PeerSeries>()
    private var lastReceived = LastSeries<PeerSeries>()
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
        if lastCall.record(
            call.nanoseconds, received: call.receivedBytes, sent: call.sentBytes,
            if: { $0.isFor(call.operation, call.isGRPC, call.method, call.path, call.status, call.failed) })
        { return }
        let made = CallSeries(
            call, comparesPath: call.operation != "invoke" || call.isGRPC || namesPathsInDetail, apps.series(call.operation, call.failed ? "failed" : "ok"),
            series(call), shard)
        lastCall.keep(made)
        made.record(call.nanoseconds, received: call.receivedBytes, sent: call.sentBytes)
    }

    /// The same of a call that another app, or this one, has asked for.
    func invoked(
        isGRPC: Bool, _ method: String, _ path: String, _ status: String, failed: Bool, _ nanoseconds: UInt64, sent: Int, received: Int
    ) {
        if lastCall.record(nanoseconds, received: received, sent: sent, if: { $0.isFor("invoke", isGRPC, method, path, status, failed) }) { return }
        appCalled(
            AppCallFacts(
                operation: "invoke", isGRPC: isGRPC, method: method, path: path, status: status, failed: failed, nanoseconds: nanoseconds,
                sentBytes: sent, receivedBytes: received))
    }

    /// What one call of the app counts in.
    private final class CallSeries: SeriesGroup {
        private let call: AppCallFacts
        private let comparesPath: Bool

        init(_ call: AppCallFacts, comparesPath: Bool, _ histogram: Histogram, _ dapr: AnswerSeries?, _ shard: MetricShard) {
            self.call = call
            self.comparesPath = comparesPath
            super.init(dapr?.counters ?? [], [histogram] + (dapr.map { [$0.latency] } ?? []), sizes: dapr?.sizes, shard)
        }

        func isFor(_ operation: String, _ isGRPC: Bool, _ method: String, _ path: String, _ status: String, _ failed: Bool) -> Bool {
            call.failed == failed && call.isGRPC == isGRPC && call.status == status && call.operation == operation && call.method == method
                && (!comparesPath || call.path == path)
        }
    }

    /// Under Dapr's names.
    private func series(_ call: AppCallFacts) -> AnswerSeries? {
        guard let dapr else { return nil }
        if call.isGRPC {
            let (counter, latency) = series(dapr.grpcClientCalls, dapr.grpcClientLatency, "grpc client", [dapr.appID, call.path, call.status])
            return AnswerSeries(
                counters: [counter], latency: latency,
                sizes: (dapr.grpcClientSizes.received.series([dapr.appID, call.path]), dapr.grpcClientSizes.sent.series([dapr.appID, call.path])))
        }
        // The app's paths are its own: those of deliveries are known, those of invocations only by patterns.
        let path = call.operation == "invoke" ? (dapr.paths.isDetailed ? dapr.paths.name(call.path.prefix { $0 != "?" }) : "/invoke") : call.path
        let labels = [dapr.appID, dapr.paths.excludesVerbs ? "" : call.method, path, call.status]
        let (counter, latency) = series(dapr.httpClientCalls, dapr.httpClientLatency, "http client", labels)
        return AnswerSeries(
            counters: [counter], latency: latency,
            sizes: (dapr.httpClientSizes.received.series([dapr.appID]), dapr.httpClientSizes.sent.series(labels)))
    }

    func probed(isGRPC: Bool, status: String, nanoseconds: UInt64) {
        guard let dapr else { return }
        let probes = isGRPC ? dapr.grpcProbes : dapr.httpProbes
        record(probes.count, probes.latency, isGRPC ? "grpc probe" : "http probe", [dapr.appID, status], nanoseconds)
    }

    // MARK: The APIs

    /// What one answer of an API counts in.
    struct AnswerSeries {
        let counters: [Counter]
        let latency: Histogram
        let sizes: (received: Histogram, sent: Histogram)
    }

    func http(_ method: String, _ path: Substring, _ status: Int) -> AnswerSeries? {
        guard let dapr else { return nil }
        let labels = [dapr.appID, dapr.paths.excludesVerbs ? "" : method, dapr.paths.name(path), "\(status)"]
        return AnswerSeries(
            counters: [dapr.httpRequests.series(labels), dapr.httpResponses.series(labels)], latency: dapr.httpLatency.series(labels),
            sizes: (dapr.httpSizes.received.series([dapr.appID]), dapr.httpSizes.sent.series([dapr.appID])))
    }

    /// The path is known only when the method is one of the runtime's own.
    func grpc(_ method: String, _ code: String) -> AnswerSeries? {
        guard let dapr else { return nil }
        let name = method.split(separator: "/").joined(separator: "/")
        return AnswerSeries(
            counters: [dapr.grpcCalls.series([dapr.appID, name, code])], latency: dapr.grpcLatency.series([dapr.appID, name, code]),
            sizes: (dapr.grpcSizes.received.series([dapr.appID, name]), dapr.grpcSizes.sent.series([dapr.appID, name])))
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
        if lastSent.record(nanoseconds, if: { $0.status == status && $0.app == app }) { return }
        guard let dapr else { return }
        let made = PeerSeries(
            app, status, [dapr.invocationsSent.series(dapr.appID, app, "unary"), dapr.answersReceived.series(dapr.appID, app, status, "unary")],
            [dapr.answerLatency.series(dapr.appID, app, status)], shard)
        lastSent.keep(made)
        made.record(nanoseconds)
    }

    /// Another app has called this one.
    func received(from app: String, status: String) {
        if lastReceived.record(0, if: { $0.status == status && $0.app == app }) { return }
        receivedFirst(from: app, status)
    }

    /// The same, by the bytes of its name.
    func received(from app: UnsafeRawBufferPointer, status: String) {
        if lastReceived.record(0, if: { $0.status == status && $0.isNamed(app) }) { return }
        receivedFirst(from: String(decoding: app, as: UTF8.self), status)
    }

    private func receivedFirst(from app: String, _ status: String) {
        guard let dapr else { return }
        let made = PeerSeries(
            app, status, [dapr.invocationsReceived.series(dapr.appID, app), dapr.answersSent.series(dapr.appID, app, status)], [], shard)
        lastReceived.keep(made)
        made.record(0)
    }

    private final class PeerSeries: SeriesGroup {
        let app: String, status: String
        private let bytes: [UInt8]

        init(_ app: String, _ status: String, _ counters: [Counter], _ histograms: [Histogram], _ shard: MetricShard) {
            (self.app, self.status, bytes) = (app, status, Array(app.utf8))
            super.init(counters, histograms, shard)
        }

        func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
            bytes.withUnsafeBytes { bytes in
                guard bytes.count == name.count else { return false }
                guard let own = bytes.baseAddress, let other = name.baseAddress else { return true }
                return memcmp(own, other, name.count) == 0
            }
        }
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
}
