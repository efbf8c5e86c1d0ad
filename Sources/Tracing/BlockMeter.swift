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

    package init(operation: String, isGRPC: Bool, method: String, path: String, status: String, failed: Bool, nanoseconds: UInt64) {
        self.operation = operation
        self.isGRPC = isGRPC
        self.method = method
        self.path = path
        self.status = status
        self.failed = failed
        self.nanoseconds = nanoseconds
    }
}
