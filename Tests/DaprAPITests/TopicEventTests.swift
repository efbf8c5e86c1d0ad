import DaprProtos
import JSONText
import ProtoWire
import Testing

@testable import BuildingBlocks
@testable import DaprAPI

/// What an app is given of an event over gRPC, written out of the event's text, beside the same made of values.
@Suite("Events for gRPC apps")
struct TopicEventTests {
    private static let events = [
        #"{"id":"1","source":"s","type":"t","specversion":"1.0","datacontenttype":"text/plain","data":"hello"}"#,
        #"{"id":"a\"b\u00e9","source":"","type":"t\n","specversion":"1.0","data":"x\ty","extra":"q\u0041","e\u0078t":1}"#,
        #"{"id":"1","source":"s","type":"t","datacontenttype":"application/json","data":{"a":[1,2.5,true,null,"é"]},"n":{"b":[{}]}}"#,
        #"{"id":"1","source":"s","type":"t","datacontenttype":"application/json; charset=utf-8","data":"quoted"}"#,
        #"{"id":"1","source":"s","type":"t","datacontenttype":"application/octet-stream","data_base64":"AAEC/w=="}"#,
        #"{"id":"1","data_base64":5,"data":"both"}"#, #"{"id":7,"source":null,"type":["x"],"specversion":{},"data":12}"#,
        #"{"id":"first","id":"last","x":1,"x":"two","data":"a","data":"b"}"#, "{}",
        #"{"traceid":"","traceparent":"00-1-2-01","tracestate":"","topic":"t","pubsubname":"p","time":"now","expiration":"never"}"#,
        #"{"id":"1","data":"\#(String(repeating: "long ", count: 500))","extension":"\#(String(repeating: "e", count: 3000))"}"#,
    ]

    @Test("are the same as made of values", arguments: events)
    func same(text: String) throws {
        try Array(text.utf8).withUnsafeBytes { bytes in
            let event = try CloudEvent(bytes)
            let incoming = IncomingEvent(event: event, pubsub: "bus", topic: "orders", path: "/p", metadata: [])
            let written = ProtoWriter.with({ TopicEventWriter.write(incoming, to: &$0) }) { Array($0) }
            let found = try written.withUnsafeBytes { try Dapr_Proto_Runtime_V1_TopicEventRequest(serializedBytes: $0) }
            #expect(found.id == event.text("id") ?? "" && found.source == event.text("source") ?? "")
            #expect(found.type == event.text("type") ?? "" && found.specVersion == event.text("specversion") ?? "")
            #expect(found.dataContentType == event.text("datacontenttype") ?? "" && found.data == event.data)
            #expect(found.topic == "orders" && found.pubsubName == "bus" && found.path == "/p")
            // The last one counts.
            let extensions = Dictionary(event.extensions.map { ($0.name, $0.json) }) { $1 }
            #expect(Set(found.extensions.fields.keys) == Set(extensions.keys))
            for (name, json) in extensions {
                let value = Google_Protobuf_Value(try JSONValue(parsing: json))
                #expect(found.extensions.fields[name]?.withSerializedBytes { Array($0) } == value.withSerializedBytes { Array($0) })
            }
        }
    }

    // MARK: Answers

    private typealias Request = Dapr_Proto_Runtime_V1_SubscribeTopicEventsRequestAlpha1

    @Test("are answered as the general decoder reads it", arguments: ["", "1", "0a1b2c3d-0000-4000-8000-000000000000", String(repeating: "é", count: 100)], [0, 1, 2, 9])
    func answer(id: String, status: Int) throws {
        var request = Request()
        request.eventProcessed.id = id
        request.eventProcessed.status.status = .init(rawValue: status)
        try request.withSerializedBytes { bytes in
            let answer = try #require(ProcessedEvent(bytes))
            #expect(Array(answer.id) == Array(id.utf8) && answer.status.rawValue == status)
        }
    }

    @Test("leave every other answer to the general decoder")
    func others() {
        var initial = Request(), both = Request()
        initial.initialRequest.topic = "t"
        both.eventProcessed.id = "1"
        let usual = both.withSerializedBytes { Array($0) }
        let messages: [[UInt8]] = [
            [], initial.withSerializedBytes { Array($0) }, usual + usual, usual + initial.withSerializedBytes { Array($0) },
            [0x12], [0x12, 5, 0x0a], [0x10, 1], [0x12, 4, 0x0a, 0, 0x0a, 0], [0x12, 2, 0x18, 1], [0x12, 2, 0x08, 1], [0x1a, 0],
            [0x12, 6, 0x12, 4, 0x08, 1, 0x08, 2], [0x12, 3, 0x12, 1, 0x0a], [0x12, 4, 0x12, 0, 0x0a, 0],
        ]
        for message in messages { message.withUnsafeBytes { #expect(ProcessedEvent($0) == nil, "\(message)") } }
        // Cut anywhere.
        for count in 1..<usual.count { usual[..<count].withUnsafeBytes { #expect(ProcessedEvent($0) == nil) } }
    }

    @Test("keep their ids whatever their length", arguments: [0, 1, 8, 36, 39, 40, 41, 1000])
    func keys(size: Int) {
        let id = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        id.withUnsafeBytes { bytes in
            let key = EventKey(bytes)
            #expect(key == bytes)
            for index in 0..<size {
                var other = id
                other[index] ^= 0x40
                other.withUnsafeBytes { #expect(!(key == $0)) }
            }
            (id + [0]).withUnsafeBytes { #expect(!(key == $0)) }
            id.dropLast().withUnsafeBytes { if size > 0 { #expect(!(key == $0)) } }
        }
    }
}
