import PluginKit

/// Those that only look at what they are given run where the request is; those that ask other servers have a thread of their own.
nonisolated(unsafe) private let descriptor = describe(
    id: "middleware", version: "1.0.0", description: "Filters of HTTP requests: limits, routes, tokens",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR,
    types: [
        .filter(
            "middleware.http.ratelimit", .inline, features: 0,
            schema: Schema(
                title: "Rate limit", description: "Answers 429 when a remote address asks more often than it may.", fields: RateLimit.fields),
            make: { (config, instance) throws(PluginError) in try RateLimit(config, instance) }),
        .filter(
            "middleware.http.routeralias", .inline, features: 0,
            schema: Schema(
                title: "Aliases of routes", description: "Gives paths of the API other names.", maturity: "alpha", fields: RouterAlias.fields),
            make: { (config, instance) throws(PluginError) in try RouterAlias(config, instance) }),
        .filter(
            "middleware.http.routerchecker", .inline, features: 0,
            schema: Schema(
                title: "Check of routes", description: "Lets requests through whose path matches a rule; answers others with 400.",
                maturity: "alpha", fields: RouterChecker.fields),
            make: { (config, instance) throws(PluginError) in try RouterChecker(config, instance) }),
        .filter(
            "middleware.http.cors", .inline, features: 0, seesResponses: true,
            schema: Schema(
                title: "CORS", description: "Tells browsers which origins may ask, and answers their preflights.",
                links: ["https://fetch.spec.whatwg.org/#http-cors-protocol"], fields: Cors.fields),
            make: { (config, instance) throws(PluginError) in try Cors(config, instance) }),
        .filter(
            "middleware.http.bearer", .reactor, features: 0,
            schema: Schema(
                title: "Bearer tokens", description: "Lets requests through that bear a JSON Web Token of an issuer; answers others with 401.",
                links: ["https://www.rfc-editor.org/rfc/rfc6750"], fields: Bearer.fields),
            make: { (config, instance) throws(PluginError) in try Bearer(config, instance) }),
        .filter(
            "middleware.http.oauth2clientcredentials", .reactor, features: 0,
            schema: Schema(
                title: "OAuth 2.0 client credentials", description: "Adds a token to requests, which the client gets by its own credentials.",
                maturity: "alpha", links: ["https://www.rfc-editor.org/rfc/rfc6749#section-4.4"], fields: ClientSettings.fields),
            make: { (config, instance) throws(PluginError) in ClientCredentials(try ClientSettings(config), instance) }),
        .filter(
            "middleware.http.uppercase", .inline, features: OCTAVO_FILTER_BODY,
            schema: Schema(title: "Capitals", description: "Turns the letters of a body into capitals.", fields: []),
            make: { (_, instance) throws(PluginError) in Uppercase(instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
