/// The app beside the runtime as one event loop sees it. Confined to that loop.
///
/// Whatever is delivered is answered once, later in a turn of the loop, never from inside the call. Deliveries wait for
/// `--app-max-concurrency`; they don't wait for the app to be up: ask `condition`, or observe it.
package protocol AppClient: AnyObject {
    /// Whether the app is up, to the loop's knowledge.
    var condition: AppCondition { get }
    /// What the app said about itself last; nil before it was asked.
    var discovery: AppDiscovery? { get }
    /// Tells `observer` what is known at once, and every change from then on. It is held until `ignore`.
    func observe(_ observer: any AppObserver)
    func ignore(_ observer: any AppObserver)

    /// Delivers a message of a topic.
    func deliver(_ event: AppTopicEvent, _ done: @escaping (Result<AppVerdict, AppFailure>) -> Void)
    /// Delivers many messages of a topic at once. The verdicts are those of the entries in their order; one that the app
    /// did not name is `retry`.
    func deliver(_ batch: AppTopicBatch, _ done: @escaping (Result<[AppVerdict], AppFailure>) -> Void)
    /// Delivers an event of an input binding.
    func deliver(_ event: AppBindingEvent, _ done: @escaping (Result<AppBindingReply, AppFailure>) -> Void)
    /// Tells an HTTP app of a changed item of configuration: posts the JSON text to `path`. A gRPC app has no method for it,
    /// which is a failure. nil: it said that it has it.
    func tell(configuration body: [UInt8], path: String, _ done: @escaping (AppFailure?) -> Void)
    /// Whether the app wants the events of an input binding. `route` is the binding's name, unless it has another.
    func wantsBinding(_ name: String, route: String, _ done: @escaping (Result<Bool, AppFailure>) -> Void)
}

/// Told of changes of the app. On the event loop of its `AppClient`.
package protocol AppObserver: AnyObject {
    /// The app came up or went down: deliveries pause while it is down.
    func appChanged(_ condition: AppCondition)
    /// The app has been asked about itself (again). Not every answer is another than the last.
    func appDiscovered(_ discovery: AppDiscovery)
}

/// Whether the app can be reached and is healthy. A value.
package enum AppCondition: Sendable, Equatable {
    /// The runtime knows of no app to call (`--app-port` is not set).
    case absent
    /// It has not been up yet.
    case waiting(reason: String)
    case up
    /// It has been up.
    case down(reason: String)

    package var isUp: Bool { self == .up }

    /// Why it is not up; nil when it is.
    package var reason: String? {
        switch self {
        case .absent, .up: nil
        case .waiting(let reason), .down(let reason): reason
        }
    }
}
