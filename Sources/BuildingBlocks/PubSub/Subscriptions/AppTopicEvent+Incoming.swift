import JSONText

extension AppTopicEvent {
    /// A copy of the event in the form that the app takes. `isRaw`: its data alone.
    init(_ incoming: IncomingEvent, _ form: AppReceiver.Form, isRaw: Bool) {
        let event = incoming.event
        self.init(
            pubsubName: incoming.pubsub, topic: incoming.topic, path: incoming.path,
            envelope: form == .envelope && !isRaw ? Array(event.bytes) : [])
        metadata = incoming.metadata
        trace = AppTrace(parent: event.text("traceparent") ?? "", state: event.text("tracestate") ?? "")
        if isRaw {
            data = event.data
            contentType = event.text("datacontenttype") ?? "application/octet-stream"
        } else if form == .parts {
            id = event.text("id") ?? ""
            source = event.text("source") ?? ""
            type = event.text("type") ?? ""
            specVersion = event.text("specversion") ?? ""
            dataContentType = event.text("datacontenttype") ?? ""
            data = event.data
            extensions = event.extensions.compactMap { member in
                (try? JSONValue(parsing: member.json)).map { (member.name, $0) }
            }
        }
    }
}
