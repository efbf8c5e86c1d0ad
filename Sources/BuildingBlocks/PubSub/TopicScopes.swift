/// Which topics of a component this app may use. Source: Dapr's metadata `publishingScopes`, `subscriptionScopes`,
/// `allowedTopics`, `protectedTopics`.
struct TopicScopes: Sendable {
    private let allowed: [String]
    private let protected: [String]
    /// What the app's own entry names; `nil`: it has none.
    private let publishing: [String]?
    private let subscribing: [String]?

    /// `settings`: the component's metadata by lower-case name.
    init(_ settings: [String: String], appID: String) {
        allowed = Self.list(settings["allowedtopics"])
        protected = Self.list(settings["protectedtopics"])
        publishing = Self.entry(of: appID, in: settings["publishingscopes"])
        subscribing = Self.entry(of: appID, in: settings["subscriptionscopes"])
    }

    func mayPublish(to topic: String) -> Bool { permits(topic, publishing) }
    func maySubscribe(to topic: String) -> Bool { permits(topic, subscribing) }

    private func permits(_ topic: String, _ named: [String]?) -> Bool {
        if !allowed.isEmpty, !allowed.contains(topic) { return false }
        guard let named else { return !protected.contains(topic) }
        return named.contains(topic)
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    private static func list(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map(trimmed).filter { !$0.isEmpty }
    }

    /// `app1=t1,t2;app2=`: an app that is there with nothing may use none.
    private static func entry(of appID: String, in text: String?) -> [String]? {
        for part in (text ?? "").split(separator: ";") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if trimmed(sides[0]) == appID { return sides.count == 2 ? list(String(sides[1])) : [] }
        }
        return nil
    }
}
