extension SubscriptionResource {
    /// Reads a document whose kind is `Subscription`, of v1alpha1 (one route) or v2alpha1 (rules).
    static func read(_ header: ResourceHeader, _ document: Fields, _ report: inout Report) -> SubscriptionResource? {
        let isFirst = header.apiVersion.hasSuffix("/v1alpha1")
        let spec = document.fields(
            "spec",
            known: ["pubsubname", "topic", isFirst ? "route" : "routes", "metadata", "deadLetterTopic", "bulkSubscribe"], &report)
        let pubsub = spec.requiredText("pubsubname", &report, hint: "it names a pub/sub component")
        let topic = spec.requiredText("topic", &report, hint: "it is what the app hears of")
        var subscription = SubscriptionResource(header: header, pubsub: pubsub ?? "", topic: topic ?? "")
        subscription.deadLetterTopic = spec.text("deadLetterTopic", &report) ?? ""
        subscription.metadata = spec.dictionary("metadata", &report)
        if isFirst {
            guard let route = spec.requiredText("route", &report, hint: "it is the app's path for the topic") else { return nil }
            subscription.defaultPath = route
        } else {
            subscription.readRoutes(spec, &report)
        }
        subscription.readBulk(spec, &report)
        return pubsub == nil || topic == nil ? nil : subscription
    }

    private mutating func readRoutes(_ spec: Fields, _ report: inout Report) {
        let routes = spec.fields("routes", known: ["rules", "default"], &report)
        defaultPath = routes.text("default", &report) ?? ""
        for (index, node) in routes.items("rules", &report).enumerated() {
            let fields = Fields(node, path: "\(routes.at("rules"))[\(index)]", in: node.mark, known: ["match", "path"], &report)
            guard let path = fields.requiredText("path", &report, hint: "it is the app's path for what matches") else { continue }
            rules.append(Rule(match: fields.text("match", &report) ?? "", path: path))
        }
        if rules.isEmpty, defaultPath.isEmpty {
            report.error(spec["routes"]?.mark ?? spec.mark, "\(spec.at("routes")) has neither rules nor a default, so that no event goes anywhere")
        }
    }

    private mutating func readBulk(_ spec: Fields, _ report: inout Report) {
        let fields = spec.fields("bulkSubscribe", known: ["enabled", "maxMessagesCount", "maxAwaitDurationMs"], &report)
        guard fields.boolean("enabled", &report) == true else { return }
        var bulk = Bulk()
        if let count = fields.integer("maxMessagesCount", &report) {
            if count > 0 {
                bulk.maximalCount = count
            } else {
                report.error(fields["maxMessagesCount"]?.mark ?? spec.mark, "\(fields.at("maxMessagesCount")) must be 1 or more, not \(count)")
            }
        }
        if let wait = fields.integer("maxAwaitDurationMs", &report) {
            if wait > 0 {
                bulk.maximalWait = .milliseconds(wait)
            } else {
                report.error(fields["maxAwaitDurationMs"]?.mark ?? spec.mark, "\(fields.at("maxAwaitDurationMs")) must be 1 or more, not \(wait)")
            }
        }
        self.bulk = bulk
    }
}
