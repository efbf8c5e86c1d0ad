import Synchronization

/// A subscription as metadata replies list it.
package struct ListedSubscription: Sendable, Equatable {
    /// Source: Dapr's `PubsubSubscriptionType`.
    package enum Origin: String, Sendable {
        case declarative = "DECLARATIVE"
        case programmatic = "PROGRAMMATIC"
        case streaming = "STREAMING"
    }

    package var definition: SubscriptionDefinition
    package var origin: Origin

    package init(_ definition: SubscriptionDefinition, _ origin: Origin) {
        self.definition = definition
        self.origin = origin
    }
}

/// What the app subscribes to, over all event loops. Any thread.
package final class SubscriptionDirectory: Sendable {
    /// What counters are kept by: streams of one topic are one.
    package struct Series: Sendable, Hashable {
        package var pubsub: String
        package var topic: String
        package var origin: ListedSubscription.Origin

        init(_ listed: ListedSubscription) {
            pubsub = listed.definition.pubsub
            topic = listed.definition.topic
            origin = listed.origin
        }
    }

    /// The subscriptions of one series.
    package struct Summary: Sendable {
        package var series: Series
        /// Of all that there have been.
        package var totals = SubscriptionTotals()
        /// That there are.
        package var snapshots: [SubscriptionRecord.Snapshot] = []
    }

    private struct Known {
        var app: [SubscriptionRecord] = []
        /// Of what the app said about itself.
        var round = -1
        var streams: [Int: SubscriptionRecord] = [:]
        var next = 0
        var loops: [SubscriptionKey: Int] = [:]
        var policies = InboundPolicies()
        /// Counted by subscriptions that are no more.
        var gone: [Series: SubscriptionTotals] = [:]

        mutating func number() -> Int {
            next += 1
            return next
        }

        mutating func bury(_ record: SubscriptionRecord) {
            guard record.figures.totals != SubscriptionTotals() else { return }
            var series = Series(record.listed)
            // An app may open streams of as many topics as it likes.
            if gone[series] == nil, gone.count >= SubscriptionDirectory.mostSeries { series = .other(series.origin) }
            gone[series] = gone[series, default: SubscriptionTotals()] + record.figures.totals
        }
    }

    private let known = Mutex(Known())
    /// What may have ended the app, whichever event loop delivered it.
    let suspects = SuspectMessages()

    /// More than these are counted together, as the topic `(other)`.
    package static let mostSeries = 500

    package init() {}

    /// How events are delivered by subscriptions that begin from now on.
    package func set(_ policies: InboundPolicies) { known.withLock { $0.policies = policies } }
    package var policies: InboundPolicies { known.withLock { $0.policies } }

    private static let rememberedTopics = 10_000

    /// The event loop that a topic is delivered on: the one with the fewest when it is first asked for, and the same from
    /// then on, whatever comes and goes beside it.
    func loop(of topic: SubscriptionKey, among count: Int) -> Int {
        known.withLock { known in
            if let loop = known.loops[topic] { return loop }
            var load = [Int](repeating: 0, count: count)
            for loop in known.loops.values where loop < count { load[loop] += 1 }
            let loop = load.indices.min { load[$0] < load[$1] } ?? 0
            known.loops[topic] = loop
            return loop
        }
    }

    /// Of resources and of the app itself. `round`: what the app has said since the last time counts; an older one changes nothing.
    package func setApp(_ subscriptions: [ListedSubscription], round: Int = 0) {
        known.withLock { known in
            guard round >= known.round else { return }
            known.round = round
            var old = Dictionary(known.app.map { ($0.listed.definition.key, $0) }) { first, _ in first }
            known.app = subscriptions.map { listed in
                guard let record = old.removeValue(forKey: listed.definition.key) else {
                    return SubscriptionRecord(listed, number: known.number())
                }
                if record.listed.origin != listed.origin {
                    known.bury(record)
                    return SubscriptionRecord(listed, number: known.number())
                }
                record.relist(listed)
                return record
            }
            for record in old.values { known.bury(record) }
            // Loops hear of a change one after the other: what one has just asked for is not forgotten, only old things.
            guard known.loops.count > Self.rememberedTopics else { return }
            let keys = Set(subscriptions.map(\.definition.key))
            known.loops = known.loops.filter { keys.contains($0.key) }
        }
    }

    /// The app's subscriptions whose first opening has neither come about nor failed; nil before the app has said what it
    /// subscribes to.
    package var unopened: [SubscriptionDefinition]? {
        let (app, round) = known.withLock { ($0.app, $0.round) }
        guard round >= 0 else { return nil }
        return app.filter { !$0.wasOpened }.map(\.listed.definition)
    }

    /// Of the app, once `setApp` has named it.
    func record(_ key: SubscriptionKey) -> SubscriptionRecord? {
        known.withLock { known in known.app.first { $0.listed.definition.key == key } }
    }

    /// The app is not up yet, which those wait for that no event loop has begun with.
    func pauseWaiting(_ cause: String) {
        for record in known.withLock({ $0.app }) where record.snapshot.condition == .waiting { record.become(.paused(cause: cause)) }
    }

    /// A stream was opened; it is listed until `removeStream`.
    package func addStream(_ definition: SubscriptionDefinition) -> SubscriptionRecord {
        known.withLock { known in
            let record = SubscriptionRecord(ListedSubscription(definition, .streaming), number: known.number())
            known.streams[record.number] = record
            return record
        }
    }

    package func removeStream(_ record: SubscriptionRecord) {
        known.withLock { known in
            if known.streams.removeValue(forKey: record.number) != nil { known.bury(record) }
        }
    }

    private var records: [SubscriptionRecord] {
        known.withLock { known in known.app + known.streams.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Streams come last, in the order of their opening.
    package var all: [ListedSubscription] { records.map(\.listed) }

    /// What each of `all` is doing.
    package var snapshots: [SubscriptionRecord.Snapshot] { records.map(\.snapshot) }

    /// For metrics: at most `mostSeries`, and one more of each origin; in the order of their names.
    package var summaries: [Summary] {
        let (gone, snapshots) = known.withLock { known in (known.gone, (known.app + known.streams.values).map(\.snapshot)) }
        var found = gone.mapValues { totals in totals }
        var present: [Series: [SubscriptionRecord.Snapshot]] = [:]
        for snapshot in snapshots {
            var series = Series(snapshot.listed)
            if found[series] == nil, found.count >= Self.mostSeries { series = .other(series.origin) }
            found[series] = found[series, default: SubscriptionTotals()] + snapshot.totals
            present[series, default: []].append(snapshot)
        }
        return found.map { Summary(series: $0.key, totals: $0.value, snapshots: present[$0.key] ?? []) }.sorted {
            ($0.series.pubsub, $0.series.topic, $0.series.origin.rawValue) < ($1.series.pubsub, $1.series.topic, $1.series.origin.rawValue)
        }
    }
}

extension SubscriptionDirectory.Series {
    fileprivate static func other(_ origin: ListedSubscription.Origin) -> Self {
        Self(ListedSubscription(SubscriptionDefinition(pubsub: "(other)", topic: "(other)"), origin))
    }
}
