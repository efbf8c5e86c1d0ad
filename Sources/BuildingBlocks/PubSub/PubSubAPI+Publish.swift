import COctavo
package import Components
import Glibc

/// What an app publishes.
package struct Publication {
    package var pubsub: String
    package var topic: String
    package var contentType: String
    package var metadata: [(String, String)]
    package var traceParent = ""
    package var traceState = ""

    package init(pubsub: String, topic: String, contentType: String, metadata: [(String, String)]) {
        self.pubsub = pubsub
        self.topic = topic
        self.contentType = contentType
        self.metadata = metadata
    }
}

extension PubSubAPI {
    package typealias Published = (PubSubFailure?) -> Void

    /// Publishes one message. `done` is called once, when the broker has it; not when this throws. `deadline`:
    /// CLOCK_MONOTONIC nanoseconds, 0 for none. `data` is read before this returns.
    @discardableResult
    package func publish(
        _ publication: Publication, data: UnsafeRawBufferPointer, deadline: Int64, done: @escaping Published
    ) throws(PubSubFailure) -> CallHandle? {
        try publish(publication, data: data, deadline: deadline, waiter: PublishCallback(publication.pubsub, publication.topic, done))
    }

    /// The same with the `waiter` that is told: one object where a closure would be another.
    @discardableResult
    package func publish(
        _ publication: Publication, data: UnsafeRawBufferPointer, deadline: Int64, waiter: PublishWaiter
    ) throws(PubSubFailure) -> CallHandle? {
        let component = try target(publication.pubsub, publication.topic)
        let options = try PublishOptions(publication.metadata, pubsub: publication.pubsub)
        if component.ref.startsOnDemand {
            let message = options.isRaw ? Array(data) : try envelope(publication, component, options, data)
            component.ref.whenSettled { [self] in
                message.withUnsafeBytes { _ = submit(component, publication, $0, options, deadline, waiter) }
            }
            return nil
        }
        guard !options.isRaw else {
            return submit(component, publication, data, options, deadline, waiter)
        }
        let event = try envelope(publication, component, options, data)
        return event.withUnsafeBytes { submit(component, publication, $0, options, deadline, waiter) }
    }

    /// The message as it goes to the broker.
    func envelope(
        _ publication: Publication, _ component: PubSubComponent, _ options: PublishOptions, _ data: UnsafeRawBufferPointer
    ) throws(PubSubFailure) -> [UInt8] {
        var envelope = EventEnvelope(
            pubsub: publication.pubsub, topic: publication.topic, source: identity.appID, contentType: publication.contentType,
            metadata: publication.metadata, traceParent: publication.traceParent, traceState: publication.traceState)
        if options.ttlNanoseconds > 0, !component.has(UInt64(OCTAVO_PUBSUB_MESSAGE_TTL)) {
            envelope.expiration = EventTime.text(EventTime.now() + Int(options.ttlNanoseconds / 1_000_000_000))
        }
        do {
            return try envelope.make(data, id: ids.next(), time: timeText())
        } catch {
            throw .badEvent(pubsub: publication.pubsub, cause: "the CloudEvent is not JSON: \(error)")
        }
    }

    func envelope(
        _ publication: Publication, _ component: PubSubComponent, _ options: PublishOptions, _ data: [UInt8]
    ) throws(PubSubFailure) -> [UInt8] {
        let made = data.withUnsafeBytes { bytes in
            Result { () throws(PubSubFailure) in try envelope(publication, component, options, bytes) }
        }
        return try made.get()
    }

    func submit(
        _ component: PubSubComponent, _ publication: Publication, _ data: UnsafeRawBufferPointer, _ options: PublishOptions,
        _ deadline: Int64, _ waiter: CallWaiter
    ) -> CallHandle? {
        (waiter as? PublishWaiter)?.begins(loop.tracer.meter)
        let extra = publication.metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 34 }
        guard
            var slot = component.ref.open(
                OCTAVO_PUBSUB_OP_PUBLISH, octavo_pubsub_publish_request.self,
                bytes: data.count + publication.topic.utf8.count + publication.contentType.utf8.count + extra + 32,
                deadline: deadline, waiter: waiter)
        else { return nil }
        let request = slot.request
        request.pointee.topic = slot.text(publication.topic)
        request.pointee.data = slot.bytes(data)
        request.pointee.content_type = slot.text(options.isRaw ? publication.contentType : "application/cloudevents+json")
        request.pointee.flags = options.isRaw ? UInt32(OCTAVO_PUBLISH_RAW) : 0
        request.pointee.ttl_ns = component.has(UInt64(OCTAVO_PUBSUB_MESSAGE_TTL)) ? options.ttlNanoseconds : 0
        if !publication.metadata.isEmpty { request.pointee.head.metadata = slot.pairs(publication.metadata) }
        return slot.submit()
    }
}
