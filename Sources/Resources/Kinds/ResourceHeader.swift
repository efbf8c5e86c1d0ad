/// What every resource has: kind, name, namespace, the apps it is for.
package struct ResourceHeader: Sendable, Equatable {
    package var kind: ResourceKind
    package var apiVersion: String
    package var name: String
    /// As written; nil when the document has none.
    package var namespace: String?
    package var annotations: [String: String] = [:]
    package var labels: [String: String] = [:]
    /// App ids that it is for; empty is all.
    package var scopes: [String] = []
    /// Where the document starts.
    package var source: SourceLocation

    package init(kind: ResourceKind, apiVersion: String, name: String, source: SourceLocation) {
        self.kind = kind
        self.apiVersion = apiVersion
        self.name = name
        self.source = source
    }

    /// Whether it is for that app in that namespace. A namespace counts only when both sides name one
    /// (Dapr without Kubernetes).
    package func applies(to scope: ResourceScope) -> Bool {
        if let mine = namespace, let theirs = scope.namespace, !mine.isEmpty, !theirs.isEmpty, mine != theirs {
            return false
        }
        return scopes.isEmpty || scopes.contains(scope.appID)
    }

    /// `Component "orders"`.
    package var label: String { "\(kind.rawValue) \"\(name)\"" }
}

/// The app that resources are read for.
package struct ResourceScope: Sendable, Equatable {
    package var appID: String
    /// The environment's `NAMESPACE`; nil when there is none.
    package var namespace: String?

    package init(appID: String, namespace: String? = nil) {
        self.appID = appID
        self.namespace = namespace
    }
}
