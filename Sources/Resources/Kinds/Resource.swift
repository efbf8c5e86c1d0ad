/// One document of a resource file.
package enum Resource: Sendable, Equatable {
    case component(ComponentResource)
    case configuration(ConfigurationResource)
    case subscription(SubscriptionResource)
    case resiliency(ResiliencyResource)
    case httpEndpoint(HTTPEndpointResource)
    /// A kind whose reader is the building block that uses it.
    case document(ResourceDocument)

    package var header: ResourceHeader {
        switch self {
        case .component(let resource): resource.header
        case .configuration(let resource): resource.header
        case .subscription(let resource): resource.header
        case .resiliency(let resource): resource.header
        case .httpEndpoint(let resource): resource.header
        case .document(let resource): resource.header
        }
    }
}

/// A resource whose header alone has been read.
package struct ResourceDocument: Sendable, Equatable {
    package var header: ResourceHeader
    package var root: YAMLNode

    package var spec: YAMLNode? { root["spec"] }
}
