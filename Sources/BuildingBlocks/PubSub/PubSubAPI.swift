import COctavo
package import Components

/// The pub/sub building block on one event loop.
package final class PubSubAPI {
    package let loop: CallLoop
    let identity: AppIdentity
    var ids = EventIDs()
    private var last: PubSubComponent?
    /// The second that `time` is of.
    private var second = 0
    private var time = ""

    package init(loop: CallLoop, identity: AppIdentity) {
        self.loop = loop
        self.identity = identity
    }

    /// The component of that name.
    package func component(_ name: String) throws(PubSubFailure) -> PubSubComponent {
        if let last, last.name == name, last.ref === loop.component(named: name), last.ref.attachment === last { return last }
        guard !name.isEmpty else { throw .emptyName }
        guard let ref = loop.component(named: name), ref.kind == OCTAVO_KIND_PUBSUB else {
            throw loop.allComponents.contains { $0.kind == OCTAVO_KIND_PUBSUB } ? .notFound(pubsub: name) : .notConfigured
        }
        let component = (ref.attachment as? PubSubComponent) ?? PubSubComponent(ref, identity: identity)
        ref.attachment = component
        last = component
        return component
    }

    /// The component, if this app may publish to that topic.
    func target(_ name: String, _ topic: String) throws(PubSubFailure) -> PubSubComponent {
        let component = try component(name)
        guard !topic.isEmpty else { throw .emptyTopic(pubsub: name) }
        guard component.scopes.mayPublish(to: topic) else { throw .forbidden(pubsub: name, topic: topic) }
        return component
    }

    /// The present time as events have it: written once a second.
    func timeText() -> String {
        let now = EventTime.now()
        if now != second { (second, time) = (now, EventTime.text(now)) }
        return time
    }
}
