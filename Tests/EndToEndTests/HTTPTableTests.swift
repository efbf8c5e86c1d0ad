import Foundation
import JSONText
import Testing

/// A request in the table, and what has to come back.
private struct Row: Sendable, CustomTestStringConvertible {
    var meaning: String
    var request: Curl
    var status: Int
    /// Nil: an empty body without a content type.
    var body: Body?
    var headers: [String: String] = [:]

    enum Body: Sendable {
        case text(String)
        /// `errorCode` of a JSON error, the whole message, and reason of its ErrorInfo (nil: no details).
        case error(String, String, reason: String? = nil)
        /// Members that a JSON object has.
        case members([String: JSONValue])
    }

    var testDescription: String { meaning }

    static func getting(
        _ meaning: String, _ path: String, _ status: Int, _ body: Body? = nil, headers: [String: String] = [:]
    ) -> Row {
        Row(meaning: meaning, request: Curl(path: path), status: status, body: body, headers: headers)
    }

    static func sending(
        _ meaning: String, _ method: String, _ path: String, _ sent: String, _ status: Int, _ body: Body? = nil
    ) -> Row {
        Row(meaning: meaning, request: Curl(method: method, path: path, body: sent), status: status, body: body)
    }

    static func deleting(
        _ meaning: String, _ path: String, _ status: Int, _ body: Body? = nil, with sent: [String] = []
    ) -> Row {
        Row(meaning: meaning, request: Curl(method: "DELETE", path: path, headers: sent), status: status, body: body)
    }
}

private let store = "/v1.0/state/statestore"
private let mismatch = "The stored value has another etag: somebody else wrote it. Read it again."

/// In order: later rows read what earlier ones wrote.
private let rows: [Row] = [
    .sending("one item is saved", "POST", store, #"[{"key":"a","value":{"x": 1}}]"#, 204),
    .getting("a value is as it was stored", store + "/a", 200, .text(#"{"x":1}"#), headers: ["content-type": "application/json"]),
    .sending("PUT saves as POST does", "PUT", store, #"[{"key":"b","value":"text"},{"key":"n","value":12.50}]"#, 204),
    .getting("a number keeps its digits", store + "/n", 200, .text("12.50")),
    .getting("text keeps its quotes", store + "/b", 200, .text(#""text""#)),
    .sending("no items are saved, too", "POST", store, "[]", 204),
    .getting("a key that is not there is 204", store + "/none", 204),
    .getting("strong consistency is taken", store + "/a?consistency=strong", 200, .text(#"{"x":1}"#)),
    .getting("duplicate and trailing slashes are dropped", "//v1.0//state/statestore/a/", 200, .text(#"{"x":1}"#)),
    .sending("an escaped key is that key", "POST", store, #"[{"key":"a b/ü","value":1}]"#, 204),
    .getting("an escaped path names it", store + "/a%20b%2F%C3%BC", 200, .text("1")),
    .getting("a plus in a path is a blank", store + "/a+b%2F%C3%BC", 200, .text("1")),
    .getting(
        "a broken escape is plain text", store + "/%zz", 400, .text("the path holds a malformed percent escape, or bytes that are not UTF-8\n"),
        headers: ["content-type": "text/plain; charset=utf-8"]),
    .getting(
        "a store that is not there", "/v1.0/state/nostore/a", 400,
        .error("ERR_STATE_STORE_NOT_FOUND", "state store nostore is not found", reason: "DAPR_STATE_NOT_FOUND")),
    .sending(
        "saving to a store that is not there", "POST", "/v1.0/state/nostore", "[]", 400,
        .error("ERR_STATE_STORE_NOT_FOUND", "state store nostore is not found", reason: "DAPR_STATE_NOT_FOUND")),
    .getting(
        "two bars in a key", store + "/a||b", 400,
        .error(
            "ERR_MALFORMED_REQUEST", "input key/keyPrefix 'a||b' can't contain '||'", reason: "DAPR_STATE_ILLEGAL_KEY")),
    .sending(
        "an item with an empty key", "POST", store, #"[{"key":"","value":1}]"#, 400,
        .error("ERR_MALFORMED_REQUEST", "state key cannot be empty")),
    .sending(
        "bad JSON", "POST", store, "[{", 400,
        .error("ERR_MALFORMED_REQUEST", "failed deserializing HTTP body: a member's name in quotes expected at byte 2")),
    .sending(
        "a time to live that is no number", "POST", store, #"[{"key":"a","value":1,"metadata":{"ttlInSeconds":"x"}}]"#, 400,
        .error(
            "ERR_STATE_SAVE",
            "failed saving state in state store statestore: metadata ttlInSeconds of key a must be a whole number of "
                + #"seconds, or -1 for ever; it is "x""#)),
    .sending(
        "another etag when saving", "POST", store, #"[{"key":"a","value":2,"etag":"999"}]"#, 409,
        .error("ERR_STATE_SAVE", "failed saving state in state store statestore: " + mismatch)),
    .getting("the value stayed", store + "/a", 200, .text(#"{"x":1}"#)),
    .sending("first-write over an absent key", "POST", store,
        #"[{"key":"f","value":1,"options":{"concurrency":"first-write","consistency":"strong"}}]"#, 204),
    .sending(
        "first-write over a present key", "POST", store,
        #"[{"key":"f","value":2,"options":{"concurrency":"first-write"}}]"#, 409,
        .error("ERR_STATE_SAVE", "failed saving state in state store statestore: The key exists already, and the write asked to be the first.")),
    .deleting(
        "another etag when deleting", store + "/a", 409,
        .error("ERR_STATE_DELETE", "failed deleting state with key a: " + mismatch), with: ["If-Match: 88"]),
    .deleting("an empty If-Match is no condition", store + "/f", 204, with: ["If-Match;"]),
    .deleting("deleting what is not there", store + "/none", 204),
    .deleting("deleting", store + "/b", 204),
    .getting("what was deleted is gone", store + "/b", 204),
    .sending("null is a value", "POST", store, #"[{"key":"z","value":null}]"#, 204),
    .getting("it reads as it was stored", store + "/z", 200, .text("null")),
    .sending("bulk without keys", "POST", store + "/bulk", #"{"keys":[]}"#, 200, .text("[]")),
    .sending("bulk by PUT", "PUT", store + "/bulk", #"{"keys":["none"],"parallelism":3}"#, 200, .text(#"[{"key":"none"}]"#)),
    .sending(
        "bulk with bad JSON", "POST", store + "/bulk", "nonsense", 400,
        .error("ERR_MALFORMED_REQUEST", "failed deserializing HTTP body: an object expected at byte 0")),
    .sending(
        "a transaction", "POST", store + "/transaction",
        #"{"operations":[{"operation":"upsert","request":{"key":"q","value":1}},{"operation":"delete","request":{"key":"n"}}]}"#,
        204),
    .getting("its write took effect", store + "/q", 200, .text("1")),
    .getting("its delete took effect", store + "/n", 204),
    .sending("a transaction of nothing", "PUT", store + "/transaction", #"{"operations":[]}"#, 204),
    .sending(
        "a transaction with a foreign etag", "POST", store + "/transaction",
        #"{"operations":[{"operation":"upsert","request":{"key":"r","value":1}},{"operation":"upsert","request":{"key":"q","value":2,"etag":"7"}}]}"#,
        500, .error("ERR_STATE_TRANSACTION", "error while executing state transaction: " + mismatch)),
    .getting("it left nothing", store + "/r", 204),
    .getting("and changed nothing", store + "/q", 200, .text("1")),
    .sending(
        "a transaction with an unknown operation", "POST", store + "/transaction",
        #"{"operations":[{"operation":"bogus","request":{"key":"q","value":3}}]}"#, 400,
        .error("ERR_NOT_SUPPORTED_STATE_OPERATION", "operation type bogus not supported")),
    .sending("a query without a match", "POST", "/v1.0-alpha1/state/statestore/query", #"{"filter":{"EQ":{"x":9}}}"#, 204),
    .getting("health", "/v1.0/healthz", 204),
    .getting("health with the right app id", "/v1.0/healthz?appid=demo", 204),
    .getting(
        "health with another app id", "/v1.0/healthz?appid=other", 500,
        .error("ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match")),
    .getting("outbound health", "/v1.0/healthz/outbound", 204),
    .sending("a fact is added to the metadata", "PUT", "/v1.0/metadata/colour", "blue", 204),
    .getting(
        "the metadata", "/v1.0/metadata", 200,
        .members([
            "id": .string("demo"),
            "actorRuntime": .object([
                ("runtimeStatus", .string("DISABLED")), ("hostReady", .bool(false)),
            ]),
        ])),
    .getting(
        "an unknown path", "/nope", 404,
        .error(
            "ERR_DIRECT_INVOKE",
            "failed getting app id either from the URL path or the header dapr-app-id: no route of the API matches GET /nope")),
    .sending(
        "a method that no route has", "PATCH", store + "/a", "1", 404,
        .error(
            "ERR_DIRECT_INVOKE",
            "failed getting app id either from the URL path or the header dapr-app-id: no route of the API matches "
                + "PATCH /v1.0/state/statestore/a")),
]

@Suite("The HTTP API answers every row of Dapr's table", .serialized)
struct HTTPTableTests {
    @Test("with the exact status, headers and body", arguments: Curl.Version.allCases)
    func table(version: Curl.Version) async throws {
        try await OctavoProcess.with { octavo in
            for row in rows {
                let answer = try await row.request.send(to: octavo.base, version)
                expect(row, answer, version)
            }
            let metadata = try await Curl(path: "/v1.0/metadata").send(to: octavo.base, version)
            #expect(metadata.json?["extended"]?["colour"]?.string == "blue")
            let component = metadata.json?["components"]?.array?.first
            #expect(component?["name"]?.string == "statestore")
            #expect(component?["type"]?.string == "state.sqlite")
            #expect(component?["version"]?.string == "v1")
            let capabilities = component?["capabilities"]?.array?.compactMap(\.string) ?? []
            for word in ["ETAG", "TRANSACTIONAL", "TTL"] { #expect(capabilities.contains(word)) }
        }
    }

    private func expect(_ row: Row, _ answer: Curl.Answer, _ version: Curl.Version) {
        let what: Comment = "\(row.meaning): \(answer.status) \(answer.headers) \(answer.body)"
        #expect(answer.version == (version == .http1 ? "HTTP/1.1" : "HTTP/2"), what)
        #expect(answer.status == row.status, what)
        #expect(answer.headers["date"] != nil, what)
        for (name, value) in row.headers { #expect(answer.headers[name] == value, what) }
        switch row.body {
        case nil:
            #expect(answer.body.isEmpty, what)
            #expect(answer.headers["content-type"] == nil, what)
            #expect(row.status != 204 || answer.headers["content-length"] == nil, what)
        case .text(let text):
            #expect(answer.body == text, what)
            #expect(answer.headers["content-length"] == "\(text.utf8.count)", what)
        case .error(let code, let message, let reason):
            #expect(answer.headers["content-type"] == "application/json", what)
            #expect(answer.json?["errorCode"]?.string == code, what)
            #expect(answer.json?["message"]?.string == message, what)
            let info = answer.json?["details"]?.array?.first {
                $0["@type"]?.string == "type.googleapis.com/google.rpc.ErrorInfo"
            }
            #expect(info?["reason"]?.string == reason, what)
            #expect((info?["domain"]?.string == "dapr.io") == (reason != nil), what)
        case .members(let members):
            #expect(answer.headers["content-type"] == "application/json", what)
            for (name, value) in members { #expect(answer.json?[name] == value, what) }
        }
    }

    @Test("and an etag that was read saves, deletes, and changes with each write")
    func etags() async throws {
        try await OctavoProcess.with { octavo in
            func etag() async throws -> String? {
                try await Curl(path: store + "/e").send(to: octavo.base).headers["etag"]
            }
            func save(_ etag: String) async throws -> Int {
                let body = #"[{"key":"e","value":2,"etag":"\#(etag)"}]"#
                return try await Curl(method: "POST", path: store, body: body).send(to: octavo.base).status
            }
            _ = try await Curl(method: "POST", path: store, body: #"[{"key":"e","value":1}]"#).send(to: octavo.base)
            let first = try #require(try await etag())
            #expect(try await save(first) == 204)
            let second = try #require(try await etag())
            #expect(first != second)
            #expect(try await save(first) == 409)
            let bulk = try await Curl(method: "POST", path: store + "/bulk", body: #"{"keys":["e"]}"#).send(to: octavo.base)
            #expect(bulk.body == #"[{"key":"e","data":2,"etag":"\#(second)"}]"#)
            let delete = Curl(method: "DELETE", path: store + "/e", headers: ["If-Match: \(second)"])
            #expect(try await delete.send(to: octavo.base).status == 204)
            #expect(try await etag() == nil)
        }
    }

    @Test("and a time to live is told and comes true")
    func timeToLive() async throws {
        try await OctavoProcess.with { octavo in
            let items = #"[{"key":"t","value":1,"metadata":{"ttlInSeconds":"100"}},{"key":"s","value":1}]"#
            _ = try await Curl(method: "POST", path: store, body: items).send(to: octavo.base)
            let answer = try await Curl(path: store + "/t").send(to: octavo.base)
            let text = try #require(answer.headers["metadata.ttlexpiretime"])
            let expiry = try #require(ISO8601DateFormatter().date(from: text), "not a moment of RFC 3339: \(text)")
            #expect((90...101).contains(expiry.timeIntervalSinceNow), "\(text)")
            let query = Curl(method: "POST", path: store + "?metadata.ttlInSeconds=1", body: #"[{"key":"s","value":1}]"#)
            #expect(try await query.send(to: octavo.base).status == 204)
            try await eventually("the end of a value that lives a second", within: .seconds(5)) {
                try await Curl(path: store + "/s").send(to: octavo.base).status == 204 ? () : nil
            }
        }
    }

    @Test("and a query finds, sorts and pages what matches")
    func queries() async throws {
        try await OctavoProcess.with { octavo in
            let items = (1...5).map { #"{"key":"k\#($0)","value":{"n":\#($0),"odd":\#($0 % 2 == 1)}}"# }
            let saved = try await Curl(method: "POST", path: store, body: "[\(items.joined(separator: ","))]")
                .send(to: octavo.base)
            #expect(saved.status == 204)
            let query = #"{"filter":{"EQ":{"odd":true}},"sort":[{"key":"n","order":"DESC"}],"page":{"limit":2}}"#
            let path = "/v1.0-alpha1/state/statestore/query"
            let first = try await Curl(method: "POST", path: path, body: query).send(to: octavo.base)
            let keys = first.json?["results"]?.array?.compactMap { $0["key"]?.string }
            #expect(keys == ["k5", "k3"], "\(first)")
            let token = try #require(first.json?["token"]?.string, "\(first)")
            let next = query.replacingOccurrences(of: #""limit":2"#, with: #""limit":2,"token":"\#(token)""#)
            let second = try await Curl(method: "POST", path: path, body: next).send(to: octavo.base)
            #expect(second.json?["results"]?.array?.compactMap { $0["key"]?.string } == ["k1"], "\(second)")
        }
    }

    @Test("and a body over the limit is 413, a header section over it 431, and the next request is served")
    func limits() async throws {
        let scratch = try Scratch()
        let item = #"[{"key":"a","value":"\#(String(repeating: "x", count: 70_000))"}]"#
        let file = try scratch.write(item, to: "item")
        try await OctavoProcess.with(flags: ["--max-body-size", "64Ki"]) { octavo in
            let big = try await Curl(method: "POST", path: store, body: item).send(to: octavo.base)
            #expect(big.status == 413)
            #expect(big.json?["errorCode"]?.string == "ERR_BODY_READ", "\(big)")
            // The answer comes before the end of the request, which not every release of curl can take.
            let early = try await Subprocess.run("nghttp", ["-v", "-d", file, octavo.base + store])
            #expect(early.output.contains(":status: 413") && early.output.contains("ERR_BODY_READ"), "\(early)")
            let long = Curl(path: "/v1.0/healthz", headers: ["x: " + String(repeating: "a", count: 8000)])
            for version in Curl.Version.allCases {
                #expect(try await long.send(to: octavo.base, version).status == 431)
                #expect(try await Curl(path: "/v1.0/healthz").send(to: octavo.base, version).status == 204)
            }
        }
    }

    @Test("and the API token is asked for everywhere but on the health paths", arguments: Curl.Version.allCases)
    func token(version: Curl.Version) async throws {
        try await OctavoProcess.with(environment: ["DAPR_API_TOKEN": "s3cret"]) { octavo in
            for path in ["/v1.0/metadata", store + "/a", "/nope"] {
                for headers in [[], ["dapr-api-token: wrong"], ["dapr-api-token: s3cret2"]] {
                    let answer = try await Curl(path: path, headers: headers).send(to: octavo.base, version)
                    #expect(answer.status == 401, "\(path) \(headers)")
                    #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
                    #expect(answer.body == "invalid api token\n")
                }
            }
            let shown = try await Curl(path: store + "/a", headers: ["dapr-api-token: s3cret"]).send(to: octavo.base, version)
            #expect(shown.status == 204)
            for path in ["/v1.0/healthz", "/v1.0/healthz/outbound"] {
                #expect(try await Curl(path: path).send(to: octavo.base, version).status == 204)
            }
        }
    }

    @Test("and POST to shutdown ends the runtime with 204 and exit code 0")
    func shutdown() async throws {
        let octavo = try await OctavoProcess.start()
        let answer = try await Curl(method: "POST", path: "/v1.0/shutdown").send(to: octavo.base)
        #expect(answer.status == 204)
        #expect(try await octavo.process.ended(within: .seconds(10)).code == 0)
    }
}
