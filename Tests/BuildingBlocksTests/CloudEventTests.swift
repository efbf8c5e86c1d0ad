import JSONText
import Testing

@testable import BuildingBlocks

@Suite("CloudEvents")
struct CloudEventTests {
    private func make(
        _ data: String, type: String, metadata: [(String, String)] = [], expiration: String = ""
    ) throws -> JSONValue {
        var envelope = EventEnvelope(pubsub: "bus", topic: "orders", source: "shop", contentType: type, metadata: metadata)
        envelope.expiration = expiration
        envelope.traceParent = "00-1-2-01"
        let bytes = try Array(data.utf8).withUnsafeBytes { try envelope.make($0, id: "id-1", time: "2026-02-03T04:05:06Z") }
        return try JSONValue(parsing: bytes)
    }

    private func with<R>(_ text: String, _ body: (CloudEvent) throws -> R) throws -> R {
        try Array(text.utf8).withUnsafeBytes { try body(try CloudEvent($0)) }
    }

    @Test("carry data as its content type says", arguments: [
        (#"{"a":1}"#, "application/json", #"{"a":1}"#), (#"{"a":1}"#, "application/problem+json; charset=utf-8", #"{"a":1}"#),
        (#"{"a":"#, "application/json", #""{\"a\":""#), ("hello", "text/plain", #""hello""#), ("hello", "", #""hello""#),
        ("12345678901234567890", "application/json", "12345678901234567890"), ("<a/>", "application/xml", #""<a/>""#),
    ])
    func data(data: String, type: String, expected: String) throws {
        let event = try make(data, type: type)
        #expect(try event["data"] == JSONValue(parsing: expected))
        #expect(event["datacontenttype"]?.string == (type.isEmpty ? "text/plain" : type))
        #expect(event["specversion"]?.string == "1.0" && event["source"]?.string == "shop")
        #expect(event["id"]?.string == "id-1" && event["topic"]?.string == "orders" && event["pubsubname"]?.string == "bus")
        #expect(event["type"]?.string == "com.dapr.event.sent" && event["time"]?.string == "2026-02-03T04:05:06Z")
        #expect(event["traceid"]?.string == "00-1-2-01" && event["traceparent"]?.string == "00-1-2-01")
    }

    @Test("carry bytes as Base64, and give them back", arguments: [0, 1, 2, 3, 4, 255, 256, 1000])
    func binary(size: Int) throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let envelope = EventEnvelope(pubsub: "bus", topic: "t", source: "s", contentType: "application/octet-stream")
        let made = try bytes.withUnsafeBytes { try envelope.make($0, id: "1", time: "") }
        try made.withUnsafeBytes { raw in
            let event = try CloudEvent(raw)
            #expect(event.data == bytes && event.json("data") == nil)
        }
    }

    @Test("take what the metadata says in the place of the defaults")
    func overrides() throws {
        let event = try make(
            "x", type: "text/plain",
            metadata: [
                ("CloudEvent.ID", "mine"), ("cloudevent.source", "s"), ("cloudevent.type", "t"), ("cloudevent.subject", "sub"),
                ("cloudevent.traceparent", "00-9"), ("cloudevent.tracestate", "st"), ("other", "o"),
            ], expiration: "2026-02-03T04:05:07Z")
        for (name, value) in [
            ("id", "mine"), ("source", "s"), ("type", "t"), ("subject", "sub"), ("traceparent", "00-9"), ("traceid", "00-9"),
            ("tracestate", "st"), ("expiration", "2026-02-03T04:05:07Z"),
        ] { #expect(event[name]?.string == value, "\(name)") }
        #expect(event["other"] == nil)
    }

    @Test("that an app made itself keep what it wrote; topic and component are ours")
    func ownEvents() throws {
        let event = try make(
            #"{"id":"7","source":"me","topic":"lie","data":{"n":[1,2.50]},"mine":true}"#, type: "application/cloudevents+json")
        #expect(event["id"]?.string == "7" && event["source"]?.string == "me" && event["topic"]?.string == "orders")
        #expect(event["pubsubname"]?.string == "bus" && event["mine"]?.bool == true && event["type"]?.string == "com.dapr.event.sent")
        #expect(try event["data"] == JSONValue(parsing: #"{"n":[1,2.50]}"#))
        // An id is not made up for it.
        #expect(try make(#"{"data":1}"#, type: "application/cloudevents+json")["id"] == nil)
        #expect(throws: JSONError.self) { try make("[1]", type: "application/cloudevents+json") }
        #expect(throws: JSONError.self) { try make("", type: "application/cloudevents+json") }
    }

    @Test("are read where they lie")
    func reading() throws {
        let text = #" { "id" : "a\nb", "data":{"x":[1,{"y":2}]}, "datacontenttype":"application/json", "extra":[1], "id":"last" } "#
        try with(text) { event in
            #expect(event.text("id") == "last")
            #expect(String(decoding: event.data, as: UTF8.self) == #"{"x":[1,{"y":2}]}"#)
            #expect(event.extensions.map(\.name) == ["extra"])
            #expect(event.text("extra") == nil && event.text("missing") == nil)
        }
        try with(#"{"data":"a\u00e9\n","datacontenttype":"text/plain"}"#) { #expect(String(decoding: $0.data, as: UTF8.self) == "aé\n") }
        try with(#"{"data":5}"#) { #expect(String(decoding: $0.data, as: UTF8.self) == "5") }
        try with("{}") { #expect($0.data == [] && $0.extensions.isEmpty) }
    }

    @Test("that are none are refused", arguments: [
        "", " ", "[]", "1", "null", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1}x"#, #"{a:1}"#, #"{"a":1 "b":2}"#, #"{"a":"\x"}"#,
        #"{"a":"\#u{1}"}"#,
    ])
    func broken(text: String) { #expect(throws: JSONError.self) { try with(text) { _ in } } }

    @Test("are over when their time is", arguments: [
        ("2026-02-03T04:05:06Z", true), ("2026-02-03T04:05:08Z", false), ("2026-02-03T05:05:06.999+01:00", true),
        ("2026-02-02T23:05:08-05:00", false), ("tomorrow", false), ("2026-02-03", false), ("2026-13-03T04:05:06Z", false), ("", false),
    ])
    func expiration(text: String, isOver: Bool) throws {
        let now = try #require(EventTime.seconds("2026-02-03T04:05:07Z"))
        #expect(EventTime.text(now) == "2026-02-03T04:05:07Z")
        try with(#"{"expiration":"\#(text)"}"#) { #expect($0.isExpired(at: now) == isOver) }
    }

    @Test("have ids that are UUIDs of version 4, each another")
    func ids() {
        var ids = EventIDs()
        var seen: Set<String> = []
        for _ in 0..<10_000 {
            let id = ids.next()
            let parts = id.split(separator: "-").map(String.init)
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12] && parts[2].first == "4" && "89ab".contains(parts[3].first ?? " "))
            seen.insert(id)
        }
        #expect(seen.count == 10_000)
    }
}

@Suite("The topics of a component")
struct TopicScopesTests {
    @Test("are those that its metadata leaves to the app", arguments: [
        ([:], "a", true, true),
        (["allowedtopics": "a, b"], "a", true, true), (["allowedtopics": "a, b"], "c", false, false),
        (["publishingscopes": "shop=a,b;other=c"], "a", true, true), (["publishingscopes": "shop=a,b"], "c", false, true),
        (["publishingscopes": "other=c"], "a", true, true), (["publishingscopes": "shop="], "a", false, true),
        (["subscriptionscopes": " shop = a "], "a", true, true), (["subscriptionscopes": "shop=b"], "a", true, false),
        (["protectedtopics": "a"], "a", false, false), (["protectedtopics": "a"], "b", true, true),
        (["protectedtopics": "a", "publishingscopes": "shop=a"], "a", true, false),
        (["allowedtopics": "b", "publishingscopes": "shop=a"], "a", false, false),
    ] as [([String: String], String, Bool, Bool)])
    func scopes(settings: [String: String], topic: String, publishes: Bool, subscribes: Bool) {
        let scopes = TopicScopes(settings, appID: "shop")
        #expect(scopes.mayPublish(to: topic) == publishes && scopes.maySubscribe(to: topic) == subscribes)
    }
}
