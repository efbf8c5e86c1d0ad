import BuildingBlocks
import Components
import DaprAPI
import Governance
import NIOConcurrencyHelpers
import Resources

/// What the wire APIs are told of the runtime around them. Any thread.
final class RuntimeState: RuntimeFacts {
    private struct Changing {
        var isListening = false
        var isDraining = false
        var appNotReady: String?
        var componentsNotReady: [String] = ["the components are being read"]
        var extended: [String: String] = [:]
        var httpEndpoints: [String] = []
        var configurationReceiver: (any ConfigurationReceiver)?
        var onShutdown: (@Sendable (Bool) -> Void)?
        var policies = PolicySet()
    }

    let identity: AppIdentity
    let version: String
    let app: AppConnection?
    let apiToken: String?
    let apiRules: APIRules
    let secretScopes: [SecretAccess]
    let configurationSubscriptions = ConfigurationSubscriptions()
    let subscriptions = SubscriptionDirectory()
    /// The policies of calls at work.
    let policies = PolicyBook(now: monotonicNanoseconds)
    /// nil without an HTTP app.
    var configurationReceiver: (any ConfigurationReceiver)? { changing.withLockedValue { $0.configurationReceiver } }
    private let store: NIOLockedValueBox<ComponentStore?> = NIOLockedValueBox(nil)
    private let changing = NIOLockedValueBox(Changing())

    /// Clients may keep this many texts here, each of at most 64 KiB.
    private static let extendedLimit = 1024
    private static let extendedSize = 64 << 10

    init(
        identity: AppIdentity, version: String, app: AppConnection?, apiToken: String?, apiRules: APIRules,
        secretScopes: [SecretAccess]
    ) {
        self.identity = identity
        self.version = version
        self.app = app
        self.apiToken = apiToken
        self.apiRules = apiRules
        self.secretScopes = secretScopes
        changing.withLockedValue { $0.extended["daprRuntimeVersion"] = version }
    }

    /// What the resources say of calls and deliveries.
    var policySet: PolicySet { changing.withLockedValue { $0.policies } }

    /// They say this from now on. The loops look themselves for calls of apps; those of components are to be told (`govern`).
    func set(_ set: PolicySet) {
        changing.withLockedValue { $0.policies = set }
        subscriptions.set(InboundPolicies(set))
        policies.set(app: { set.app($0) }, outbound: { set.outbound($0, type: $1) })
    }

    /// The process of the app, when the runtime has started it.
    var appProcess: Int? { changing.withLockedValue { $0.extended["appPID"] }.flatMap { Int($0) } }

    func attach(_ store: ComponentStore) { self.store.withLockedValue { $0 = store } }
    func set(configurationReceiver: any ConfigurationReceiver) {
        changing.withLockedValue { $0.configurationReceiver = configurationReceiver }
    }
    func set(endpoints: [String]) { changing.withLockedValue { $0.httpEndpoints = endpoints.sorted() } }
    var httpEndpoints: [String] { changing.withLockedValue { $0.httpEndpoints } }
    func setListening() { changing.withLockedValue { $0.isListening = true } }
    var isDraining: Bool { changing.withLockedValue { $0.isDraining } }
    func setDraining() { changing.withLockedValue { $0.isDraining = true } }
    func set(componentsNotReady reasons: [String]) { changing.withLockedValue { $0.componentsNotReady = reasons } }
    func onShutdown(_ body: @escaping @Sendable (Bool) -> Void) { changing.withLockedValue { $0.onShutdown = body } }

    /// Why the app is waited for; nil once it has been up.
    func set(appNotReady reason: String?) { changing.withLockedValue { $0.appNotReady = reason } }

    var notReady: [String] { outboundNotReady + (changing.withLockedValue { $0.appNotReady }.map { [$0] } ?? []) }

    /// An app may wait for this before it listens, so it does not wait for the app.
    private var outboundNotReady: [String] {
        changing.withLockedValue { state in
            var reasons = state.componentsNotReady
            if !state.isListening { reasons.append("the servers do not listen yet") }
            if state.isDraining { reasons.append("the runtime is stopping") }
            return reasons
        }
    }

    var isOutboundReady: Bool { outboundNotReady.isEmpty }

    var extendedMetadata: [String: String] { changing.withLockedValue { $0.extended } }

    func setExtendedMetadata(_ key: String, _ value: String) {
        changing.withLockedValue { state in
            guard value.utf8.count <= RuntimeState.extendedSize,
                state.extended[key] != nil || state.extended.count < RuntimeState.extendedLimit
            else { return }
            state.extended[key] = value
        }
    }

    func registeredComponents(_ done: @escaping @Sendable ([RegisteredComponent]) -> Void) {
        guard let store = store.withLockedValue({ $0 }) else {
            done([])
            return
        }
        Task {
            done(
                // The resolver is no component that an app can name.
                await store.componentFacts().filter { $0.isReady && $0.name != Runtime.resolver }.map {
                    RegisteredComponent(
                        name: $0.name, type: $0.type, version: $0.version, capabilities: Capabilities.words(of: $0))
                })
        }
    }

    func shutdown(force: Bool) { changing.withLockedValue { $0.onShutdown }?(force) }
}
