import BuildingBlocks
package import Components
package import Invocation
import Tracing
package import Transport

/// Dapr's API on one event loop, over gRPC and HTTP. Used on that loop alone.
package final class DaprAPI {
    let state: StateAPI
    let secrets: SecretsAPI
    let pubsub: PubSubAPI
    let locks: LockAPI
    let configuration: ConfigurationAPI
    let crypto: CryptoAPI
    let bindings: BindingsAPI
    /// nil: no app is called.
    let invocation: InvocationLoop?
    let facts: any RuntimeFacts
    let appID: String
    /// Whose pages may use it.
    let origins: AllowedOrigins
    /// Follows the requests of the loop.
    let tracer: LoopTracer
    /// The store that the last `GetState` went to; most apps have one.
    var lastStore: LastStore?

    static let service = "/dapr.proto.runtime.v1.Dapr/"

    package init(loop: CallLoop, facts: any RuntimeFacts, invocation: InvocationLoop? = nil, origins: AllowedOrigins = .init()) {
        self.origins = origins
        self.invocation = invocation
        tracer = loop.tracer
        state = StateAPI(loop: loop, identity: facts.identity)
        secrets = SecretsAPI(loop: loop)
        pubsub = PubSubAPI(loop: loop, identity: facts.identity)
        locks = LockAPI(loop: loop, identity: facts.identity)
        configuration = ConfigurationAPI(loop: loop)
        crypto = CryptoAPI(loop: loop)
        bindings = BindingsAPI(loop: loop)
        self.facts = facts
        appID = facts.identity.appID
    }

    /// A store with its name as bytes, to be compared with what is on the wire.
    struct LastStore {
        let store: StateStore
        private let name: [UInt8]

        init(_ store: StateStore) {
            self.store = store
            name = Array(store.name.utf8)
        }

        func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
            bytes.count == name.count && bytes.elementsEqual(name) && store.ref.isInstalled
        }
    }

    /// Adds the methods to the loop's router.
    package func register(_ router: GRPCRouter) {
        registerState(router)
        registerSecrets(router)
        registerPubSub(router)
        registerLocks(router)
        registerConfiguration(router)
        registerCrypto(router)
        registerSubtleCrypto(router)
        registerBindings(router)
        registerMetadata(router)
        registerInvocation(router)
        if let token = facts.apiToken {
            let expected = Array(token.utf8)
            router.intercept = { call in
                // Health and reflection need no token, as in Dapr.
                guard call.path.hasPrefix("/dapr.") || !call.isKnownMethod else { return nil }
                let isShown = call.metadata.withValue("dapr-api-token") { constantTimeEqual($0, expected) } ?? false
                return isShown ? nil : APIError.unauthorized.grpcStatus
            }
        }
    }

    /// Adds a method unless the configuration takes its group away.
    func method(
        _ router: GRPCRouter, _ name: String, _ group: String, _ version: String,
        _ body: @escaping (DaprAPI, GRPCCall, UnsafeRawBufferPointer) -> Void
    ) {
        guard facts.apiRules.permits(group, version, wire: "grpc") else { return }
        router.unary(DaprAPI.service + name) { [self] call, bytes in
            follow(call)
            tracer.with(call.activity) { body(self, call, bytes) }
        }
    }
}

extension APIError {
    /// Source: Dapr's answer to a missing or wrong API token.
    static var unauthorized: APIError {
        var error = APIError(
            .unauthenticated, "Unauthorized", reason: "Unauthorized", status: 401, errorCode: "ERR_UNAUTHORIZED")
        error.info = ["http.code": "401", "http.error_message": "authentication error: api token mismatch"]
        return error
    }
}

/// Compares without telling by its time where the first difference is; only the length of what is expected
/// decides how long it takes.
func constantTimeEqual(_ shown: UnsafeRawBufferPointer, _ expected: [UInt8]) -> Bool {
    var difference: UInt8 = shown.count == expected.count ? 0 : 1
    for index in 0..<expected.count { difference |= expected[index] ^ (index < shown.count ? shown[index] : 0xff) }
    return difference == 0
}
