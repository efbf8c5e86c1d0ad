/// The resources of one app, and what there is to say about them.
package struct ResourceSet: Sendable, Equatable {
    /// In load order: folders as given, files by name, documents as written. Secret stores come first
    /// only when started, not here.
    package var resources: [Resource] = []
    package var diagnostics: [Diagnostic] = []

    package init() {}

    package var components: [ComponentResource] {
        resources.compactMap { if case .component(let resource) = $0 { resource } else { nil } }
    }

    package var configurations: [ConfigurationResource] {
        resources.compactMap { if case .configuration(let resource) = $0 { resource } else { nil } }
    }

    package var subscriptions: [SubscriptionResource] {
        resources.compactMap { if case .subscription(let resource) = $0 { resource } else { nil } }
    }

    package var resiliencies: [ResiliencyResource] {
        resources.compactMap { if case .resiliency(let resource) = $0 { resource } else { nil } }
    }

    package var httpEndpoints: [HTTPEndpointResource] {
        resources.compactMap { if case .httpEndpoint(let resource) = $0 { resource } else { nil } }
    }

    /// The documents of a kind whose members are not read here.
    package func documents(_ kind: ResourceKind) -> [ResourceDocument] {
        resources.compactMap {
            if case .document(let resource) = $0, resource.header.kind == kind { resource } else { nil }
        }
    }

    package var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }
}
