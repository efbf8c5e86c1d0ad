/// Measures what building blocks and the app do on one event loop. Used on that loop alone; times are nanoseconds.
package protocol BlockMeter: AnyObject {
    /// A message has been published, or not.
    func published(component: String, topic: String, failed: Bool, nanoseconds: UInt64)
    /// The app has answered a message. `status`: `success`, `retry` or `drop`.
    func delivered(component: String, topic: String, status: String, nanoseconds: UInt64)
    /// An output binding has carried out an operation, or not.
    func bound(component: String, operation: String, failed: Bool, nanoseconds: UInt64)
    /// The app has answered an event of an input binding.
    func bindingDelivered(component: String, failed: Bool, nanoseconds: UInt64)
    /// The app has been called. `operation`: what for, of a bounded number of words; `method` and `path` as on the wire.
    func appCalled(_ call: AppCallFacts)
    /// The app has answered whether it is healthy, or not at all. `status`: status or code.
    func probed(isGRPC: Bool, status: String, nanoseconds: UInt64)
    /// The access control has decided on a call of another app.
    func accessDecided(_ decision: AccessFacts)
}

/// What the access control has said to a call.
package struct AccessFacts: Equatable {
    /// Of the certificate; empty where nobody knows.
    package var caller: String
    package var trustDomain: String
    package var namespace: String
    /// The operation's name in the policy, and not the path, which callers choose; empty where none fits.
    package var operation: String
    /// Empty of gRPC.
    package var verb: String
    package var isAllowed: Bool
    /// By a policy for the caller; false: by the action for all others.
    package var isOfPolicy: Bool

    package init(caller: String, trustDomain: String, namespace: String, operation: String, verb: String, isAllowed: Bool, isOfPolicy: Bool) {
        self.caller = caller
        self.trustDomain = trustDomain
        self.namespace = namespace
        self.operation = operation
        self.verb = verb
        self.isAllowed = isAllowed
        self.isOfPolicy = isOfPolicy
    }
}

/// A call of the app that has ended.
package struct AppCallFacts {
    /// `pubsub/orders`, `bindings/tick`, `invoke`.
    package var operation: String
    package var isGRPC: Bool
    package var method: String
    package var path: String
    /// Status or code.
    package var status: String
    package var failed: Bool
    package var nanoseconds: UInt64
    /// Of the bodies or messages.
    package var sentBytes: Int
    package var receivedBytes: Int

    package init(
        operation: String, isGRPC: Bool, method: String, path: String, status: String, failed: Bool, nanoseconds: UInt64, sentBytes: Int,
        receivedBytes: Int
    ) {
        self.operation = operation
        self.isGRPC = isGRPC
        self.method = method
        self.path = path
        self.status = status
        self.failed = failed
        self.nanoseconds = nanoseconds
        self.sentBytes = sentBytes
        self.receivedBytes = receivedBytes
    }
}
