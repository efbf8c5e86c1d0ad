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
