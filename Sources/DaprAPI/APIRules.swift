import TextSearch

/// Which parts of the API are offered. Source: Dapr's `spec.api.allowed` and `spec.api.denied`.
package struct APIRules: Sendable, Equatable {
    package struct Rule: Sendable, Hashable {
        /// `state`, `secrets`, …
        package var group: String
        /// `v1`, `v1alpha1`, …
        package var version: String
        /// `http` or `grpc`; empty for both.
        package var wire: String

        package init(group: String, version: String, wire: String) {
            self.group = group
            // `v1.0-alpha1` and `v1alpha1` are the same.
            var version = version.replacing(text: ".0", with: "")
            version = version.replacing(text: "-", with: "")
            self.version = version
            self.wire = wire
        }
    }

    package var allowed: Set<Rule> = []
    package var denied: Set<Rule> = []

    package init() {}

    /// Denied wins; a non-empty list of allowed ones must name it.
    package func permits(_ group: String, _ version: String, wire: String) -> Bool {
        if allowed.isEmpty, denied.isEmpty { return true }
        func holds(_ rules: Set<Rule>) -> Bool {
            rules.contains(Rule(group: group, version: version, wire: wire))
                || rules.contains(Rule(group: group, version: version, wire: ""))
        }
        if holds(denied) { return false }
        if allowed.contains(where: { $0.wire == wire || $0.wire.isEmpty }) { return holds(allowed) }
        return true
    }
}
