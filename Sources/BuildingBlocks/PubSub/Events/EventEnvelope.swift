import JSONText

/// What is published: a CloudEvent around the app's data, or the app's own CloudEvent with what Dapr adds.
struct EventEnvelope {
    var pubsub: String
    var topic: String
    /// The publisher's app id.
    var source: String
    var contentType: String
    var metadata: [(String, String)] = []
    var traceParent = ""
    var traceState = ""
    /// RFC 3339; empty: none.
    var expiration = ""

    private func override(_ name: String) -> String? {
        metadata.first { $0.0.utf8.count == name.utf8.count && $0.0.lowercased() == name }?.1
    }

    /// The JSON of the event. Members are in the order of their names, as Go's encoder has them.
    func make(_ data: UnsafeRawBufferPointer, id: String, time: String) throws(JSONError) -> [UInt8] {
        let kind = ContentKind(contentType)
        if kind == .cloudEvent { return try completed(data, time: time) }
        return plain(kind, data, id: id, time: time) ?? written(kind, data, id: id, time: time)
    }

    /// Any event, member by member.
    func written(_ kind: ContentKind, _ data: UnsafeRawBufferPointer, id: String, time: String) -> [UInt8] {
        var writer = JSONWriter(reserving: data.count + 512)
        writer.beginObject()
        switch kind {
        case .binary: writer.member("data_base64", Base64Text.text(data))
        case .json where isJSON(data):
            writer.name("data")
            writer.raw(data)
        default: writer.member("data", String(decoding: data, as: UTF8.self))
        }
        writer.member("datacontenttype", contentType.isEmpty ? "text/plain" : contentType)
        if !expiration.isEmpty { writer.member("expiration", expiration) }
        writer.member("id", override("cloudevent.id") ?? id)
        writer.member("pubsubname", pubsub)
        writer.member("source", override("cloudevent.source") ?? source)
        writer.member("specversion", "1.0")
        if let subject = override("cloudevent.subject") { writer.member("subject", subject) }
        writer.member("time", time)
        writer.member("topic", topic)
        let parent = override("cloudevent.traceparent") ?? traceParent
        writer.member("traceid", override("cloudevent.traceid") ?? parent)
        writer.member("traceparent", parent)
        writer.member("tracestate", override("cloudevent.tracestate") ?? traceState)
        writer.member("type", override("cloudevent.type") ?? "com.dapr.event.sent")
        writer.endObject()
        return writer.bytes
    }

    /// The app's own event: `topic` and `pubsubname` are ours, the rest is filled in where it is missing.
    private func completed(_ data: UnsafeRawBufferPointer, time: String) throws(JSONError) -> [UInt8] {
        let event = try CloudEvent(data)
        var members: [(String, (inout JSONWriter) -> Void)] = []
        func set(_ name: String, _ text: String) { members.append((name, { $0.string(text) })) }
        var kept: [String: UnsafeRawBufferPointer] = [:]
        for (name, json) in event.all { kept[name] = json }
        let parent = override("cloudevent.traceparent") ?? traceParent
        let fallbacks: [(String, String?)] = [
            ("source", "Dapr"), ("type", "com.dapr.event.sent"), ("specversion", "1.0"), ("time", time),
            ("traceid", parent), ("traceparent", parent), ("tracestate", traceState),
            ("expiration", expiration.isEmpty ? nil : expiration),
        ]
        for (name, fallback) in fallbacks where kept[name] == nil {
            if let fallback { set(name, fallback) }
        }
        for name in ["id", "source", "type", "subject", "traceid", "traceparent", "tracestate"] {
            guard let given = override("cloudevent." + name) else { continue }
            kept[name] = nil
            members.removeAll { $0.0 == name }
            set(name, given)
        }
        kept["topic"] = nil
        kept["pubsubname"] = nil
        set("topic", topic)
        set("pubsubname", pubsub)
        for (name, json) in kept { members.append((name, { $0.raw(json) })) }
        var writer = JSONWriter(reserving: data.count + 512)
        writer.beginObject()
        for (name, write) in members.sorted(by: { $0.0 < $1.0 }) {
            writer.name(name)
            write(&writer)
        }
        writer.endObject()
        return writer.bytes
    }

    /// A raw message from a broker, for those who subscribe with `rawPayload`. Source: Dapr's raw payloads.
    static func wrapping(_ data: UnsafeRawBufferPointer, id: String, pubsub: String, topic: String) -> [UInt8] {
        var writer = JSONWriter(reserving: data.count * 4 / 3 + 256)
        writer.beginObject()
        writer.member("data_base64", Base64Text.text(data))
        writer.member("datacontenttype", "application/octet-stream")
        writer.member("id", id)
        writer.member("pubsubname", pubsub)
        writer.member("source", "Dapr")
        writer.member("specversion", "1.0")
        writer.member("topic", topic)
        writer.member("traceid", "")
        writer.member("traceparent", "")
        writer.member("tracestate", "")
        writer.member("type", "com.dapr.event.sent")
        writer.endObject()
        return writer.bytes
    }
}
