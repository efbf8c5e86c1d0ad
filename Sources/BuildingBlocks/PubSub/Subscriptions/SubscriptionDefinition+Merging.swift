/// What makes a subscription one of its kind.
struct SubscriptionKey: Hashable {
    let pubsub: String
    let topic: String
}

extension SubscriptionDefinition {
    var key: SubscriptionKey { SubscriptionKey(pubsub: pubsub, topic: topic) }

    /// All of both, each topic once: the last resource that names it, else what the app says last. `doubled`: topics that
    /// both name.
    static func merged(
        declared: [SubscriptionDefinition], programmatic: [SubscriptionDefinition]
    ) -> (all: [ListedSubscription], doubled: [SubscriptionKey]) {
        var all: [ListedSubscription] = []
        var places: [SubscriptionKey: Int] = [:]
        func put(_ one: ListedSubscription) {
            if let place = places[one.definition.key] {
                all[place] = one
            } else {
                places[one.definition.key] = all.count
                all.append(one)
            }
        }
        for definition in declared { put(ListedSubscription(definition, .declarative)) }
        let ofResources = Set(places.keys)
        var doubled: [SubscriptionKey] = []
        for definition in programmatic {
            if ofResources.contains(definition.key) {
                if !doubled.contains(definition.key) { doubled.append(definition.key) }
            } else {
                put(ListedSubscription(definition, .programmatic))
            }
        }
        return (all, doubled)
    }

    /// What the app said.
    init(_ said: AppSubscription) {
        self.init(pubsub: said.pubsubName, topic: said.topic)
        metadata = said.metadata
        deadLetterTopic = said.deadLetterTopic ?? ""
        rules = said.rules.map { Rule(match: $0.match, path: $0.path) }
        defaultPath = said.defaultPath
        bulk = said.bulk.map { Bulk(maximalCount: $0.maxMessages, maximalWait: $0.maxAwait) }
    }
}
