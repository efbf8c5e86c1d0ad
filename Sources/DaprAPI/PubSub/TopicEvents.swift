import BuildingBlocks
import DaprProtos
import JSONText

extension Dapr_Proto_Runtime_V1_TopicEventRequest {
    /// An event as gRPC apps get it.
    init(_ incoming: IncomingEvent) {
        self.init()
        let event = incoming.event
        id = event.text("id") ?? ""
        source = event.text("source") ?? ""
        type = event.text("type") ?? ""
        specVersion = event.text("specversion") ?? ""
        dataContentType = event.text("datacontenttype") ?? ""
        data = event.data
        topic = incoming.topic
        pubsubName = incoming.pubsub
        path = incoming.path
        var extensions = Google_Protobuf_Struct()
        for (name, json) in event.extensions {
            // It was checked when the event was read.
            if let value = try? JSONValue(parsing: json) { extensions.fields[name] = Google_Protobuf_Value(value) }
        }
        self.extensions = extensions
    }
}

extension Google_Protobuf_Value {
    init(_ json: JSONValue) {
        self.init()
        switch json {
        case .null: kind = .nullValue(.nullValue)
        case .bool(let flag): kind = .boolValue(flag)
        case .number(let text): kind = .numberValue(Double(text) ?? 0)
        case .string(let text): kind = .stringValue(text)
        case .array(let items): kind = .listValue(.with { $0.values = items.map { Google_Protobuf_Value($0) } })
        case .object(let members):
            var made = Google_Protobuf_Struct()
            for (name, value) in members { made.fields[name] = Google_Protobuf_Value(value) }
            kind = .structValue(made)
        }
    }
}
