import BuildingBlocks
import DaprProtos
import JSONText

/// Reads what an HTTP app answers to `/dapr/subscribe`.
enum SubscriptionReading {
    /// The subscriptions, and of each that is of no use why.
    static func read(_ json: JSONValue) -> ([AppSubscription], [String]) {
        guard let items = json.array else { return ([], json == .null ? [] : ["the answer to /dapr/subscribe is no list"]) }
        var subscriptions: [AppSubscription] = []
        var warnings: [String] = []
        for (index, item) in items.enumerated() {
            switch subscription(item) {
            case .success(let subscription): subscriptions.append(subscription)
            case .failure(let fault): warnings.append("number \(index + 1) \(fault.text)")
            }
        }
        return (subscriptions, warnings)
    }

    private struct Fault: Error { let text: String }

    private static func subscription(_ item: JSONValue) -> Result<AppSubscription, Fault> {
        guard let pubsub = item["pubsubname"]?.string, !pubsub.isEmpty else { return .failure(Fault(text: "names no pubsubname")) }
        guard let topic = item["topic"]?.string, !topic.isEmpty else { return .failure(Fault(text: "names no topic")) }
        var found = AppSubscription(pubsubName: pubsub, topic: topic)
        for member in item["metadata"]?.members ?? [] {
            if let text = member.value.string { found.metadata[member.name] = text }
        }
        for rule in item["routes"]?["rules"]?.array ?? [] {
            guard let path = rule["path"]?.string, !path.isEmpty else { continue }
            found.rules.append(AppSubscription.Rule(match: rule["match"]?.string ?? "", path: path))
        }
        // The later form comes first where both are given.
        found.defaultPath = [item["routes"]?["default"]?.string, item["route"]?.string].compactMap { $0 }.first { !$0.isEmpty }
        guard found.defaultPath != nil || !found.rules.isEmpty else {
            return .failure(Fault(text: "(topic \(topic) of \(pubsub)) has no route"))
        }
        found.deadLetterTopic = item["deadLetterTopic"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        if let bulk = item["bulkSubscribe"], bulk["enabled"]?.bool == true {
            found.bulk = AppSubscription.Bulk(
                maxMessages: bulk["maxMessagesCount"]?.integer ?? 0,
                maxAwaitMilliseconds: bulk["maxAwaitDurationMs"]?.integer ?? 0)
        }
        return .success(found)
    }
}

extension AppSubscription {
    /// What a gRPC app lists; without routes it has one with the path "".
    init(_ message: Dapr_Proto_Runtime_V1_TopicSubscription) {
        self.init(pubsubName: message.pubsubName, topic: message.topic)
        metadata = message.metadata
        rules = message.routes.rules.map { Rule(match: $0.match, path: $0.path) }
        defaultPath = message.routes.default.isEmpty && !rules.isEmpty ? nil : message.routes.default
        deadLetterTopic = message.deadLetterTopic.isEmpty ? nil : message.deadLetterTopic
        if message.bulkSubscribe.enabled {
            bulk = Bulk(
                maxMessages: Int(message.bulkSubscribe.maxMessagesCount),
                maxAwaitMilliseconds: Int(message.bulkSubscribe.maxAwaitDurationMs))
        }
    }
}
