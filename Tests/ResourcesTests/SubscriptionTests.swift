import Testing

@testable import Resources

@Suite("A Subscription document")
struct SubscriptionTests {
    private func read(_ text: String) -> (subscriptions: [SubscriptionResource], diagnostics: [String]) {
        let folder = TemporaryFolder()
        folder.write("s.yaml", text)
        let set = ResourceLoader.load(paths: [folder.path], appID: "shop", namespace: nil)
        return (set.subscriptions, set.diagnostics.filter { $0.severity != .note }.map { "\($0)" })
    }

    @Test("has rules, a default and what else Dapr reads")
    func second() throws {
        let (all, diagnostics) = read("""
            apiVersion: dapr.io/v2alpha1
            kind: Subscription
            metadata: {name: orders}
            spec:
              pubsubname: bus
              topic: orders
              routes:
                rules:
                - {match: event.type == "a", path: /a}
                - {match: "", path: /b}
                default: /other
              metadata: {rawPayload: "true"}
              deadLetterTopic: dead
              bulkSubscribe: {enabled: true, maxMessagesCount: 7}
            scopes: [shop]
            """)
        #expect(diagnostics == [])
        let one = try #require(all.first)
        #expect(one.pubsub == "bus" && one.topic == "orders" && one.deadLetterTopic == "dead" && one.defaultPath == "/other")
        #expect(one.rules == [.init(match: #"event.type == "a""#, path: "/a"), .init(match: "", path: "/b")])
        #expect(one.metadata == ["rawPayload": "true"] && one.bulk?.maximalCount == 7 && one.bulk?.maximalWait == .seconds(1))
    }

    @Test("of the first version has one route")
    func first() throws {
        let (all, diagnostics) = read("""
            apiVersion: dapr.io/v1alpha1
            kind: Subscription
            metadata: {name: orders}
            spec: {pubsubname: bus, topic: orders, route: /orders}
            """)
        #expect(diagnostics == [] && all.first?.defaultPath == "/orders" && all.first?.rules == [] && all.first?.bulk == nil)
    }

    @Test("that is wrong is refused, with the cause", arguments: [
        ("dapr.io/v1alpha1", "{pubsubname: bus, topic: t}", "route"), ("dapr.io/v1alpha1", "{topic: t, route: /r}", "pubsubname"),
        ("dapr.io/v2alpha1", "{pubsubname: bus, routes: {default: /r}}", "topic"), ("dapr.io/v2alpha1", "{pubsubname: bus, topic: t}", "routes"),
        ("dapr.io/v2alpha1", "{pubsubname: bus, topic: t, routes: {rules: [{match: a}]}}", "path"),
        ("dapr.io/v2alpha1", "{pubsubname: bus, topic: t, routes: {default: /r}, bulkSubscribe: {enabled: true, maxMessagesCount: 0}}", "maxMessagesCount"),
        ("dapr.io/v2alpha1", "{pubsubname: bus, topic: t, routes: {default: /r}, bulkSubscribe: {enabled: true, maxAwaitDurationMs: x}}", "maxAwaitDurationMs"),
    ])
    func broken(version: String, spec: String, word: String) {
        let (all, diagnostics) = read("apiVersion: \(version)\nkind: Subscription\nmetadata: {name: s}\nspec: \(spec)\n")
        #expect(all.isEmpty && diagnostics.contains { $0.contains(word) }, "\(diagnostics)")
    }
}
