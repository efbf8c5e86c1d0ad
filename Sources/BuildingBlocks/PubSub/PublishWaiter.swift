public import Components
package import Tracing

/// Who waits for a publication; see `PubSubAPI.publish`. A subclass says what the outcome means to its caller.
open class PublishWaiter: CallWaiter {
    private let pubsub: String
    private let topic: String
    private var meter: (any BlockMeter)?
    private var startedAt: UInt64 = 0

    package init(_ pubsub: String, _ topic: String) {
        self.pubsub = pubsub
        self.topic = topic
        super.init()
    }

    /// The broker is asked now.
    package func begins(_ meter: (any BlockMeter)?) {
        guard let meter else { return }
        self.meter = meter
        startedAt = monotonicNow()
    }

    private func measure(failed: Bool) {
        meter?.published(component: pubsub, topic: topic, failed: failed, nanoseconds: monotonicNow() &- startedAt)
    }

    /// Called once: the broker has the message, or why it has not.
    open func ended(_ failure: PubSubFailure?) {}

    public final override func completed(_ reply: UnsafeRawPointer?) {
        measure(failed: false)
        ended(nil)
    }

    public final override func failed(_ error: CallError) {
        measure(failed: true)
        ended(.component(pubsub: pubsub, topic: topic, error: error))
    }
}

final class PublishCallback: PublishWaiter {
    private let done: PubSubAPI.Published

    init(_ pubsub: String, _ topic: String, _ done: @escaping PubSubAPI.Published) {
        self.done = done
        super.init(pubsub, topic)
    }

    override func ended(_ failure: PubSubFailure?) { done(failure) }
}
