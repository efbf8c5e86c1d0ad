import BuildingBlocks
import DaprProtos
import JSONText
import ProtoWire

/// Writes events as gRPC apps get them (`TopicEventRequest`), out of the text where they lie: an event has a dozen members, and
/// to make values of them all was the larger part of what a delivery cost.
enum TopicEventWriter {
    /// The fields of the message, from the last to the first. Extensions of one name: the last one counts, for it comes last.
    static func write(_ incoming: IncomingEvent, to output: inout ProtoWriter) {
        let event = incoming.event
        output.nested(10) { list in
            event.forEachExtensionBackwards { name, hasEscapes, json in
                list.nested(1) { pair in
                    pair.nested(2) { value(json, to: &$0) }
                    if hasEscapes {
                        pair.string(1, unescapedJSON(name, hasEscapes: true), always: true)
                    } else {
                        pair.bytes(1, name, always: true)
                    }
                }
            }
        }
        output.string(9, incoming.path)
        output.string(8, incoming.pubsub)
        event.withData { output.bytes(7, $0) }
        output.string(6, incoming.topic)
        event.withAttribute(.dataContentType) { output.bytes(5, $0) }
        event.withAttribute(.specVersion) { output.bytes(4, $0) }
        event.withAttribute(.type) { output.bytes(3, $0) }
        event.withAttribute(.source) { output.bytes(2, $0) }
        event.withAttribute(.id) { output.bytes(1, $0) }
    }

    /// `google.protobuf.Value` of JSON that was checked when the event was read.
    private static func value(_ json: UnsafeRawBufferPointer, to output: inout ProtoWriter) {
        if let plain = CloudEvent.plain(json) { return output.bytes(3, plain, always: true) }
        if let value = try? JSONValue(parsing: json) { Google_Protobuf_Value(value).encode(&output) }
    }
}
