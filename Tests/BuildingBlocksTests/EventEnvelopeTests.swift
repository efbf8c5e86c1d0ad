import JSONText
import Testing

@testable import BuildingBlocks

@Suite("Envelopes of events")
struct EventEnvelopeTests {
    private func both(_ data: [UInt8], _ kind: ContentKind, _ envelope: EventEnvelope, id: String, time: String) -> ([UInt8]?, [UInt8]) {
        data.withUnsafeBytes { bytes in
            (envelope.plain(kind, bytes, id: id, time: time), envelope.written(kind, bytes, id: id, time: time))
        }
    }

    private static let plainData: [(String, String)] = [
        ("", "text/plain"), ("x", "text/plain"), (String(repeating: "0123456", count: 40), ""), ("1", "application/json"),
        (#"{"a":"b\"c<&","d":[1,null]}"#, "application/json"),
    ]

    @Test("are the same in one piece as member by member", arguments: plainData)
    func same(data: String, type: String) throws {
        var envelope = EventEnvelope(pubsub: "bus", topic: "orders/1", source: "shop", contentType: type)
        envelope.traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        envelope.traceState = "vendor=<1>"
        let (plain, written) = both(Array(data.utf8), ContentKind(type), envelope, id: "id-1", time: "2026-02-03T04:05:06Z")
        #expect(try #require(plain) == written)
        #expect((try? JSONValue(parsing: written)) != nil)
    }

    /// At every place of a word, and in the last bytes.
    @Test("are not made in one piece with anything that must be escaped", arguments: ["\"", "\\", "\n", "\u{1}", "é", "\u{2028}"])
    func escapes(text: String) throws {
        for before in 0..<20 {
            for after in [0, 3, 9] {
                let value = String(repeating: "a", count: before) + text + String(repeating: "b", count: after)
                var envelopes = [EventEnvelope(pubsub: "bus", topic: "t", source: "s", contentType: "text/plain")]
                for path in [\EventEnvelope.pubsub, \.topic, \.source, \.traceParent, \.traceState] {
                    var envelope = envelopes[0]
                    envelope[keyPath: path] = value
                    envelopes.append(envelope)
                }
                for (index, envelope) in envelopes.enumerated() {
                    let data = Array((index == 0 ? value : "data").utf8)
                    let (plain, written) = both(data, .text, envelope, id: "1", time: "now")
                    #expect(plain == nil, "\(value) at \(index)")
                    #expect((try? JSONValue(parsing: written)) != nil)
                }
                let envelope = EventEnvelope(pubsub: "bus", topic: "t", source: "s", contentType: "text/plain")
                #expect(both([], .text, envelope, id: value, time: "now").0 == nil)
            }
        }
    }

    @Test("are not made in one piece with overrides, an expiration, bytes or what is not JSON")
    func others() {
        let envelope = EventEnvelope(pubsub: "bus", topic: "t", source: "s", contentType: "text/plain")
        #expect(both([1], .binary, envelope, id: "1", time: "now").0 == nil)
        #expect(both(Array("{".utf8), .json, envelope, id: "1", time: "now").0 == nil)
        var overridden = envelope, ending = envelope
        overridden.metadata = [("cloudevent.id", "mine")]
        ending.expiration = "2026-02-03T04:05:07Z"
        for envelope in [overridden, ending] { #expect(both([0x61], .text, envelope, id: "1", time: "now").0 == nil) }
    }

    @Test("know members by their whole names")
    func members() throws {
        let text = #"{"id":"1","type":"t","data":"no","data":"yes","sourcf":"no","data_base65":"AA==","specversioN":"2","idd":"x"}"#
        try Array(text.utf8).withUnsafeBytes { bytes in
            let event = try CloudEvent(bytes)
            let extensions = event.extensions.map(\.name)
            #expect(extensions == ["sourcf", "data_base65", "specversioN", "idd"])
            #expect(event.withAttribute(.id) { Array($0) } == Array("1".utf8))
            #expect(event.withAttribute(.source) { $0.isEmpty } && event.withAttribute(.specVersion) { $0.isEmpty })
            var data: [UInt8] = []
            event.withData { data = Array($0) }
            #expect(data == Array("yes".utf8) && event.data == data)
        }
    }
}
