import BuildingBlocks
import DaprProtos
import JSONText

extension ListedSubscription {
    /// The default path is a rule without an expression. Source: Dapr's metadata API.
    var shownRules: [SubscriptionDefinition.Rule] {
        definition.rules + (definition.defaultPath.map { [SubscriptionDefinition.Rule(match: "", path: $0)] } ?? [])
    }
}

extension Dapr_Proto_Runtime_V1_PubsubSubscription {
    init(_ listed: ListedSubscription) {
        self.init()
        pubsubName = listed.definition.pubsub
        topic = listed.definition.topic
        metadata = listed.definition.metadata
        deadLetterTopic = listed.definition.deadLetterTopic
        type =
            switch listed.origin {
            case .declarative: .declarative
            case .programmatic: .programmatic
            case .streaming: .streaming
            }
        let shown = listed.shownRules
        guard !shown.isEmpty else { return }
        rules = .with { all in
            all.rules = shown.map { rule in
                .with {
                    $0.match = rule.match
                    $0.path = rule.path
                }
            }
        }
    }
}

/// The member `subscriptions`, unless there are none.
func writeSubscriptions(_ all: [ListedSubscription], _ writer: inout JSONWriter) {
    guard !all.isEmpty else { return }
    writer.name("subscriptions")
    writer.beginArray()
    for listed in all {
        writer.beginObject()
        writer.member("pubsubname", listed.definition.pubsub)
        writer.member("topic", listed.definition.topic)
        if !listed.definition.metadata.isEmpty {
            writer.name("metadata")
            writer.beginObject()
            for (name, value) in listed.definition.metadata.sorted(by: { $0.key < $1.key }) { writer.member(name, value) }
            writer.endObject()
        }
        let rules = listed.shownRules
        if !rules.isEmpty {
            writer.name("rules")
            writer.beginArray()
            for rule in rules {
                writer.beginObject()
                writer.member("match", rule.match)
                writer.member("path", rule.path)
                writer.endObject()
            }
            writer.endArray()
        }
        if !listed.definition.deadLetterTopic.isEmpty { writer.member("deadLetterTopic", listed.definition.deadLetterTopic) }
        writer.member("type", listed.origin.rawValue)
        writer.endObject()
    }
    writer.endArray()
}
