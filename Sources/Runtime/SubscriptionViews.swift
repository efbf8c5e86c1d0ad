import AdminAPI
import BuildingBlocks
import Components
import Telemetry

/// What each subscription is doing, in the forms that commands, metrics and `doctor` show.
enum SubscriptionViews {
    /// The app may think about a message so long before that is remarkable.
    static let longestSilence = Duration.seconds(60)

    static func summary(_ snapshot: SubscriptionRecord.Snapshot, _ component: ComponentFacts?) -> SubscriptionSummary {
        let definition = snapshot.listed.definition
        let (state, reason) = state(snapshot, component)
        return SubscriptionSummary(
            component: definition.pubsub, topic: definition.topic, origin: snapshot.listed.origin.rawValue.lowercased(),
            deadLetterTopic: definition.deadLetterTopic.isEmpty ? nil : definition.deadLetterTopic, state: state, reason: reason,
            sinceUnixMilliseconds: Int64(snapshot.since * 1000), lastError: snapshot.lastError,
            delivered: Int64(clamping: snapshot.totals.delivered), retried: Int64(clamping: snapshot.totals.retried),
            dropped: Int64(clamping: snapshot.totals.dropped), deadLettered: Int64(clamping: snapshot.totals.deadLettered),
            inFlight: snapshot.inFlight)
    }

    private static func state(
        _ snapshot: SubscriptionRecord.Snapshot, _ component: ComponentFacts?
    ) -> (SubscriptionSummary.State, String?) {
        switch snapshot.condition {
        case .paused(let cause): return (.paused, cause)
        case .stopped(let cause): return (.stopped, cause)
        case .retrying(let cause): return (.retrying, cause)
        case .waiting:
            guard let component, !component.isReady, component.state != "waiting", !component.reason.isEmpty else { return (.waiting, nil) }
            return (.retrying, "its component is not ready: \(component.reason)")
        case .active:
            if let component, component.isStalled { return (.stalled, component.reason) }
            guard let silence = snapshot.silence, silence > longestSilence else { return (.active, nil) }
            return (
                .stalled, "the app has answered none of \(snapshot.inFlight) messages for \(silence.components.seconds) seconds"
            )
        }
    }

    /// What `doctor` says. Nothing of a subscription that waits for the app: the app is a finding of its own.
    static func findings(_ all: [SubscriptionSummary]) -> [DoctorFinding] {
        all.compactMap { one in
            let remedy: String
            switch one.state {
            case .retrying: remedy = "Look at the broker of \(one.component); the subscription goes on by itself once it answers."
            case .stalled: remedy = "Look at what the app does with the topic, and at `octavo component describe \(one.component)`."
            case .stopped: remedy = "Mend the subscription or the scopes of \(one.component), and start anew what names it."
            default: return nil
            }
            return DoctorFinding(
                severity: .error, subject: "subscription to \(one.topic) of \(one.component)", cause: one.reason ?? one.state.rawValue,
                remedy: remedy)
        }
    }

    /// The states that the gauge counts, in the order of the page.
    private static let states: [SubscriptionSummary.State] = [.waiting, .active, .retrying, .paused, .stalled, .stopped]

    static func write(_ all: [SubscriptionDirectory.Summary], _ components: [ComponentFacts], _ page: inout MetricSet) {
        guard !all.isEmpty else { return }
        func labels(_ one: SubscriptionDirectory.Summary) -> [(String, String)] {
            [("component", one.series.pubsub), ("topic", one.series.topic), ("origin", one.series.origin.rawValue.lowercased())]
        }
        func counter(_ name: String, _ help: String, _ value: (SubscriptionTotals) -> UInt64) {
            page.metric(name, .counter, help: help)
            for one in all { page.sample(name, labels(one), Double(value(one.totals))) }
        }
        counter("octavo_subscription_delivered_total", "Times that a message was given to the app.") { $0.delivered }
        counter("octavo_subscription_retried_total", "Times that a message was settled to come again.") { $0.retried }
        counter("octavo_subscription_dropped_total", "Messages that nobody gets any more.") { $0.dropped }
        counter("octavo_subscription_dead_lettered_total", "Messages that went to the dead-letter topic.") { $0.deadLettered }
        page.metric("octavo_subscription_in_flight", .gauge, help: "Messages that the app has and has not answered.")
        for one in all {
            page.sample("octavo_subscription_in_flight", labels(one), Double(one.snapshots.reduce(0) { $0 + $1.inFlight }))
        }
        page.metric("octavo_subscription_state", .gauge, help: "Subscriptions to the topic that are in the state.")
        let byName = Dictionary(components.map { ($0.name, $0) }) { first, _ in first }
        for one in all {
            let found = one.snapshots.map { state($0, byName[$0.listed.definition.pubsub]).0 }
            for state in states {
                page.sample(
                    "octavo_subscription_state", labels(one) + [("state", state.rawValue)], Double(found.count { $0 == state }))
            }
        }
    }
}
