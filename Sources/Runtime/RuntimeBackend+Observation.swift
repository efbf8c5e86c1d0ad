import AdminAPI
import Components
import Logging
import Telemetry
import Tracing

/// What an operator is shown of requests, load and log.
extension RuntimeBackend {
    func traces() async throws -> TraceList {
        TraceList(
            traces: tracing.ring.entries.map { entry in
                RequestTrace(
                    traceID: entry.traceID, spanID: entry.spanID, wire: entry.wire, name: entry.name, target: entry.target, code: entry.code,
                    slow: entry.isSlow, failed: entry.isFailed, retries: entry.retries > 0 ? entry.retries : nil, startUnixMilliseconds: Int64(entry.start / 1_000_000),
                    nanoseconds: Int64(entry.nanoseconds),
                    stages: entry.stages.map { .init(name: "\($0.stage)", nanoseconds: Int64($0.nanoseconds)) })
            }, slowNanoseconds: Int64(tracing.rules.slow))
    }

    func logs(after number: Int64) async throws -> LogList {
        let (lines, last) = LogRing.shared.lines(after: number)
        return LogList(
            lines: lines.map { line in
                LogLine(
                    number: line.number, time: line.time, level: line.level.rawValue, scope: line.scope, message: line.message,
                    facts: line.facts.map { .init(name: $0.0, value: $0.1) })
            }, last: last)
    }

    func load() async throws -> LoadList {
        var loads: [Load] = []
        var apis: [String: (snapshot: HistogramSnapshot, errors: UInt64)] = [:]
        for (values, handle) in requests.all {
            let name = "\(values[0]) \(values[1])", snapshot = handle.snapshot()
            let errors = Self.isFailure(code: values[2]) ? snapshot.count : 0
            apis[name] = apis[name].map { ($0.snapshot + snapshot, $0.errors + errors) } ?? (snapshot, errors)
        }
        for (name, facts) in apis { loads.append(Load(group: "api", name: name, statistics: Self.statistics(facts.snapshot, facts.errors))) }
        for one in await configured { loads.append(Load(group: "component", name: one.name, statistics: AdminViews.summary(one).statistics)) }
        var (underWay, work) = (0, Work())
        for loop in loops {
            guard let (count, found) = try? await loop.eventLoop.submit({ () -> (Int, Work) in
                var work = Work()
                loop.value.tracer.eachUnderWay { work.add($0) }
                return (loop.value.tracer.underWay, work)
            }).get() else { continue }
            underWay += count
            work.add(found)
        }
        let own = [options.appID, "\(options.appID).\(state.identity.namespace)"]
        var open: [String: [String: Int64]] = ["app": work.deliveries, "peer": work.calls.filter { !own.contains($0.key) }]
        let invoked = work.calls.filter { own.contains($0.key) }.values.reduce(0, +)
        if invoked > 0 { open["app", default: [:]]["invoke"] = invoked }
        for (group, known) in [("app", meters.apps), ("peer", meters.peers)] {
            for (name, snapshot, errors) in known {
                var statistics = Self.statistics(snapshot, errors)
                statistics.open = open[group]?.removeValue(forKey: name) ?? 0
                loads.append(Load(group: group, name: name, statistics: statistics))
            }
            // Those of which none has ended yet.
            for (name, count) in open[group] ?? [:] { loads.append(Load(group: group, name: name, statistics: CallStatistics(open: count))) }
        }
        return LoadList(loads: loads.sorted { ($0.group, $0.name) < ($1.group, $1.name) }, underWay: underWay)
    }

    /// What is under way, by what it is for.
    private struct Work: Sendable {
        /// `pubsub/orders`.
        var deliveries: [String: Int64] = [:]
        /// By the app that is called.
        var calls: [String: Int64] = [:]

        mutating func add(_ activity: Activity) {
            if !activity.block.isEmpty {
                deliveries["\(activity.block)/\(activity.subject)", default: 0] += 1
            } else if activity.isInvocation {
                calls[activity.target, default: 0] += 1
            }
        }

        mutating func add(_ other: Work) {
            deliveries.merge(other.deliveries, uniquingKeysWith: +)
            calls.merge(other.calls, uniquingKeysWith: +)
        }
    }

    private static func isFailure(code: String) -> Bool {
        if let status = Int(code) { return status >= 400 }
        return code != "OK"
    }

    private static func statistics(_ snapshot: HistogramSnapshot, _ errors: UInt64) -> CallStatistics {
        CallStatistics(
            calls: Int64(snapshot.count), errors: Int64(errors), p50Nanoseconds: snapshot.quantile(0.5).map { Int64($0) },
            p99Nanoseconds: snapshot.quantile(0.99).map { Int64($0) })
    }
}
