import BuildingBlocks
import Tracing

/// A delivery over a stream is an activity of its own, in the trace of the event, which the app gets as it was published.
extension SubscriptionStream {
    /// Begins with one. Without spans it is only measured: the event's trace is not looked for.
    func follow(_ event: IncomingEvent, _ entry: inout AwaitedEvents.Entry) {
        entry.sentAt = monotonicNow()
        guard api.tracer.makesSpans else { return }
        var parent = event.event.text("traceparent").flatMap { TraceContext(parent: $0) }
        if parent != nil { parent?.state = TraceState.checked(event.event.text("tracestate") ?? "") }
        let delivery = api.tracer.begin(parent: parent, startedAt: entry.sentAt)
        delivery.live?.move(to: .app)
        entry.delivery = delivery
    }

    /// The app has answered, or will not any more. `word`: `success`, `retry` or `drop`.
    func ended(_ entry: AwaitedEvents.Entry, _ word: String) {
        guard entry.sentAt != 0, let place else { return }
        let now = monotonicNow()
        api.tracer.meter?.delivered(component: place.pubsub, topic: place.topic, status: word, nanoseconds: now &- entry.sentAt)
        guard let delivery = entry.delivery else { return }
        delivery.live?.target = place.pubsub
        api.tracer.end(delivery, at: now, failed: word == "retry") {
            .init(
                name: "pubsub/\(place.topic)", kind: .client, wire: "pubsub", code: word,
                attributes: [
                    SpanAttribute("dapr.api", "pubsub/\(place.topic)"), SpanAttribute("dapr.protocol", "grpc"),
                    SpanAttribute("messaging.system", "pubsub"), SpanAttribute("messaging.destination.name", place.topic),
                ])
        }
    }
}
