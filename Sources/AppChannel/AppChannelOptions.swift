package import Transport

/// How the app is reached and what is asked of it. A value.
package struct AppChannelOptions: Sendable {
    /// What the app speaks. Source: Dapr's `--app-protocol`.
    package enum Wire: String, Sendable, CaseIterable {
        case http, https, h2c, grpc, grpcs

        package var isGRPC: Bool { self == .grpc || self == .grpcs }
    }

    /// Probes of the app's health. Source: Dapr's `--enable-app-health-check`.
    package struct Probes: Sendable, Equatable {
        /// Of an HTTP app; a gRPC app has a method for it.
        package var path = "/healthz"
        package var interval = Duration.seconds(5)
        package var timeout = Duration.milliseconds(500)
        /// Failures in a row that make the app unhealthy.
        package var threshold = 3

        package init() {}
    }

    package var appID: String
    package var endpoint: Server.Endpoint
    package var wire: Wire
    /// PEM file of the authorities that the app's certificate must be of, for the host of the endpoint (`localhost` at a Unix
    /// socket); nil: any certificate is taken, as in Dapr.
    package var authorities: String?
    /// Sent with every call as `dapr-api-token`; empty for none.
    package var token = ""
    /// How many deliveries the app gets at a time, over all event loops; nil is no limit.
    package var maxConcurrency: Int?
    /// How many may wait for that.
    package var maxWaiting = 10_000
    /// nil: the app is up while its port accepts.
    package var probes: Probes?
    /// Whether `GET /dapr/config` and `GET /dapr/subscribe`, or what a gRPC app has for them, are asked.
    package var asksConfiguration = true
    package var asksSubscriptions = true
    /// For the question whether the app wants a binding.
    package var bindingTimeout = Duration.seconds(3)
    /// For each of the other questions about the app itself.
    package var discoveryTimeout = Duration.seconds(10)
    /// How often the port is tried while there are no probes.
    package var portCheckInterval = Duration.seconds(1)
    /// Largest answer of the app, in bytes.
    package var maxResponseSize = 4 << 20

    package init(appID: String, endpoint: Server.Endpoint, wire: Wire) {
        self.appID = appID
        self.endpoint = endpoint
        self.wire = wire
    }

    /// What a client connects to. Throws when the authorities can't be read.
    var target: ClientTarget {
        get throws {
            let trust = authorities.map { TLSClientContext.Trust.authorities(file: $0) } ?? .everybody
            return switch wire {
            case .http: ClientTarget(endpoint, wire: .http1)
            case .h2c, .grpc: ClientTarget(endpoint, wire: .http2)
            case .https:
                ClientTarget(endpoint, wire: .negotiated, tls: try TLSClientContext(trust: trust, offer: .http2OrHTTP1))
            case .grpcs: ClientTarget(endpoint, wire: .http2, tls: try TLSClientContext(trust: trust, offer: .http2))
            }
        }
    }
}
