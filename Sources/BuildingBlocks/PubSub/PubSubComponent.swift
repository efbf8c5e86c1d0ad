import COctavo
package import Components

/// A pub/sub component on one event loop, with what the runtime itself knows of it.
package final class PubSubComponent {
    package let ref: ComponentRef
    let scopes: TopicScopes

    init(_ ref: ComponentRef, identity: AppIdentity) {
        self.ref = ref
        scopes = TopicScopes(ref.runtimeSettings, appID: identity.appID)
    }

    package var name: String { ref.name }

    func has(_ feature: UInt64) -> Bool { ref.features & feature != 0 }

    /// The consumer group that its metadata name (`consumerID`).
    package var consumer: String? { ref.runtimeSettings["consumerid"] }
}
