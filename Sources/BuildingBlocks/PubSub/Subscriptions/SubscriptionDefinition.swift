import CEL
import JSONText

/// A topic that the app is to be told of, as a resource or the app itself says.
package struct SubscriptionDefinition: Sendable, Equatable {
    package var pubsub: String
    package var topic: String
    package var metadata: [String: String] = [:]
    package var deadLetterTopic = ""
    package var rules: [Rule] = []
    /// For events that no rule matches; `nil`: they go nowhere.
    package var defaultPath: String?
    package var bulk: Bulk?

    package struct Rule: Sendable, Equatable {
        /// An expression over the variable `event`; empty always matches.
        package var match: String
        package var path: String

        package init(match: String, path: String) {
            self.match = match
            self.path = path
        }
    }

    /// Many events in one delivery.
    package struct Bulk: Sendable, Equatable {
        package var maximalCount: Int
        package var maximalWait: Duration

        package init(maximalCount: Int = 100, maximalWait: Duration = .seconds(1)) {
            self.maximalCount = maximalCount
            self.maximalWait = maximalWait
        }
    }

    package init(pubsub: String, topic: String) {
        self.pubsub = pubsub
        self.topic = topic
    }
}

/// The rules of a subscription, read once.
package struct EventRoutes: Sendable {
    private let rules: [(expression: CELExpression?, path: String)]
    private let defaultPath: String?

    /// Throws at the first rule that is no expression, with its text.
    package init(_ definition: SubscriptionDefinition) throws(InvalidRule) {
        var rules: [(CELExpression?, String)] = []
        for rule in definition.rules {
            do throws(CELError) {
                rules.append((rule.match.isEmpty ? nil : try CELExpression(rule.match), rule.path))
            } catch {
                throw InvalidRule(match: rule.match, cause: error.description)
            }
        }
        self.rules = rules
        defaultPath = definition.defaultPath
    }

    package struct InvalidRule: Error, CustomStringConvertible {
        package let match: String
        package let cause: String
        package var description: String { "the rule \"\(match)\" can't be read: \(cause)" }
    }

    /// Where the event goes; `nil`: nowhere. A rule that has no value for the event does not match.
    package func path(for event: CloudEvent) -> String? {
        guard !rules.isEmpty else { return defaultPath }
        var variables: [String: CELValue]?
        for (expression, path) in rules {
            guard let expression else { return path }
            if variables == nil { variables = ["event": (try? JSONValue(parsing: event.bytes)).map(CELValue.init) ?? .null] }
            if (try? expression.matches(variables.unsafelyUnwrapped)) == true { return path }
        }
        return defaultPath
    }
}

extension CELValue {
    /// A number of JSON is whole if it is written so.
    init(_ json: JSONValue) {
        switch json {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .number(let text): self = Int64(text).map { .int($0) } ?? .double(Double(text) ?? .nan)
        case .string(let text): self = .string(text)
        case .array(let items): self = .list(items.map { CELValue($0) })
        case .object(let members): self = .map(members.map { ($0.name, CELValue($0.value)) })
        }
    }
}
