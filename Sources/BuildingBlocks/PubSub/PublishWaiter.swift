public import Components

/// Who waits for a publication; see `PubSubAPI.publish`. A subclass says what the outcome means to its caller.
open class PublishWaiter: CallWaiter {
    private let pubsub: String
    private let topic: String

    package init(_ pubsub: String, _ topic: String) {
        self.pubsub = pubsub
        self.topic = topic
        super.init()
    }

    /// Called once: the broker has the message, or why it has not.
    open func ended(_ failure: PubSubFailure?) {}

    public final override func completed(_ reply: UnsafeRawPointer?) { ended(nil) }
    public final override func failed(_ error: CallError) { ended(.component(pubsub: pubsub, topic: topic, error: error)) }
}

final class PublishCallback: PublishWaiter {
    private let done: PubSubAPI.Published

    init(_ pubsub: String, _ topic: String, _ done: @escaping PubSubAPI.Published) {
        self.done = done
        super.init(pubsub, topic)
    }

    override func ended(_ failure: PubSubFailure?) { done(failure) }
}
