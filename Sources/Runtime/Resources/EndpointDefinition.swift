import Components
import Invocation
import Resources

/// An `HTTPEndpoint` of this app, with what its files and the environment say filled in; secrets are still references.
struct EndpointDefinition: Equatable {
    var name: String
    var address: EndpointAddress
    /// Headers by their names, each after `header.`, and the texts of `clientTLS`: the settings of a component that nobody makes.
    var settings: [Setting]
    var source: String

    struct Setting: Equatable {
        var name: String
        var value: String
        var reference: Reference?
    }

    struct Reference: Equatable {
        var store: String
        var name: String
        var key: String
    }

    static let headerPrefix = "header."

    var hasReferences: Bool { settings.contains { $0.reference != nil } }

    /// nil, with the cause in `diagnostics`, when it can't be used.
    init?(
        _ resource: HTTPEndpointResource, _ resolver: MetadataResolver, _ random: inout SystemRandomNumberGenerator,
        _ diagnostics: inout [Diagnostic]
    ) {
        guard let address = EndpointAddress(resource.baseURL) else {
            diagnostics.append(
                Diagnostic(
                    .error, resource.header.source, resource: resource.header.label,
                    "spec.baseUrl \"\(resource.baseURL.prefix(80))\" is not the URL of a server: scheme, host, perhaps a port and a path"))
            return nil
        }
        self.address = address
        name = resource.name
        source = "\(resource.header.source)"
        settings = []
        let tls = [resource.rootCA, resource.certificate, resource.privateKey].compactMap { $0 }
        for (item, prefix) in resource.headers.map({ ($0, Self.headerPrefix) }) + tls.map({ ($0, "") }) {
            let (value, said) = resolver.resolve(item, resource: resource.header.label, random: &random)
            diagnostics += said
            switch value {
            case .text(let text): settings.append(Setting(name: prefix + item.name, value: text))
            case .secret(let secret, let key):
                settings.append(
                    Setting(
                        name: prefix + item.name, value: "",
                        reference: Reference(store: resource.secretStore ?? "", name: secret, key: key)))
            case nil: return nil
            }
        }
    }

    /// What the store of components reads secrets for.
    var component: ComponentDefinition {
        var definition = ComponentDefinition(name: name, type: "httpendpoint")
        definition.metadata = settings.map { setting in
            var one = ComponentDefinition.Setting(name: setting.name, value: setting.value)
            one.reference = setting.reference.map { .init(store: $0.store, name: $0.name, key: $0.key) }
            return one
        }
        return definition
    }
}
