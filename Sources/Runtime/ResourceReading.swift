import Components
import DaprAPI
import Logging

/// From files to what the runtime is made of.
enum ResourceReading {
    struct Configuration {
        var apiRules = APIRules()
        var secretScopes: [SecretScope] = []
    }

    static func configuration(_ options: RuntimeOptions, logger: Logger) throws -> Configuration { Configuration() }

    static func components(_ options: RuntimeOptions, logger: Logger) -> [ComponentDefinition] {
        options.resourcePaths.isEmpty ? embedded : []
    }

    /// What is there when no resources are given: a durable state store in the data folder.
    static var embedded: [ComponentDefinition] {
        [
            ComponentDefinition(name: "statestore", type: "state.sqlite"),
        ]
    }
}
