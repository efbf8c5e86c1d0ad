import JSONText
import Testing

@testable import DaprAPI

@Suite("The state API over HTTP")
struct StateHTTPTests {
    /// What the store was last asked for.
    private func last(_ sidecar: Sidecar, _ store: String = "store") throws -> JSONValue {
        try JSONValue(parsing: try http(sidecar.port, "GET", "/v1.0/state/\(store)/last").body)
    }

    @Test("saves, reads and deletes", arguments: ["POST", "PUT"])
    func roundTrip(_ method: String) async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let saved = try http(sidecar.port, method, "/v1.0/state/store", #"[{"key":"a","value":{"x": 1}},{"key":"b","value":"t"}]"#)
            #expect(saved.status == 204)
            #expect(saved.body.isEmpty)
            let read = try http(sidecar.port, "GET", "/v1.0/state/store/a")
            #expect(read.status == 200)
            #expect(read.text == #"{"x":1}"#)
            #expect(read.headers["etag"] == "1")
            #expect(read.headers["content-type"] == "application/json")
            #expect(try http(sidecar.port, "GET", "/v1.0/state/store/b").text == #""t""#)
            #expect(try http(sidecar.port, "DELETE", "/v1.0/state/store/a").status == 204)
            #expect(try http(sidecar.port, "DELETE", "/v1.0/state/store/a").status == 204)
            let gone = try http(sidecar.port, "GET", "/v1.0/state/store/a")
            #expect(gone.status == 204)
            #expect(gone.body.isEmpty)
        }
    }

    @Test("asks the store for exactly what the request says")
    func mapping() async throws {
        try await Sidecar.run([("store", "state.scripted", [:]), ("named", "state.scripted", ["keyPrefix": "name"])]) { (sidecar: Sidecar) async throws in
            let body = #"[{"key":"k","value":[1, 2],"etag":"","metadata":{"contentType":"a/b","ttlInSeconds":"5"},"options":{"concurrency":"first-write","consistency":"strong"}}]"#
            #expect(try http(sidecar.port, "POST", "/v1.0/state/store?metadata.ttlInSeconds=60&metadata.x=y", body).status == 204)
            var write = try last(sidecar)
            #expect(write["key"]?.string == "app||k")
            #expect(write["value"]?.string == "[1,2]")
            #expect(write["etag"] == .null)
            #expect(write["contentType"]?.string == "a/b")
            #expect(write["ttl"]?.integer == 60_000_000_000)
            #expect(write["concurrency"]?.integer == 1)
            #expect(write["consistency"]?.integer == 2)
            #expect(write["operation"]?.integer == 0)
            #expect(write["metadata"]?["x"]?.string == "y")
            #expect(write["metadata"]?["ttlInSeconds"]?.string == "60")

            _ = try http(
                sidecar.port, "DELETE", "/v1.0/state/named/a%2Fb+c?concurrency=last-write&consistency=eventual&metadata.p=q",
                headers: [("If-Match", "12")])
            write = try last(sidecar, "named")
            #expect(write["key"]?.string == "named||a/b c")
            #expect(write["value"] == .null)
            #expect(write["etag"]?.string == "12")
            #expect(write["concurrency"]?.integer == 2)
            #expect(write["consistency"]?.integer == 1)
            #expect(write["operation"]?.integer == 1)
            #expect(write["metadata"]?["p"]?.string == "q")

            let get = try JSONValue(
                parsing: try http(sidecar.port, "GET", "/v1.0/state/store/request?consistency=strong&metadata.a=b").body)
            #expect(get["key"]?.string == "app||request")
            #expect(get["consistency"]?.integer == 2)
            #expect(get["metadata"]?["a"]?.string == "b")
        }
    }

    @Test("has Dapr's answers to what is wrong", arguments: HTTPFault.table)
    func faults(_ fault: HTTPFault) async throws {
        try await Sidecar.run([("store", "state.scripted", [:]), ("full", "state.scripted-full", [:])]) { (sidecar: Sidecar) async throws in
            _ = try http(sidecar.port, "POST", "/v1.0/state/store", #"[{"key":"there","value":1}]"#)
            let answer = try http(sidecar.port, fault.method, fault.target, fault.body, headers: fault.headers)
            #expect(answer.status == fault.status)
            #expect(answer.headers["content-type"] == "application/json")
            #expect(try JSONValue(parsing: answer.body)["errorCode"]?.string == fault.errorCode)
        }
    }

    @Test("says that there is no store at all")
    func notConfigured() async throws {
        try await Sidecar.run([]) { (sidecar: Sidecar) async throws in
            let answer = try http(sidecar.port, "GET", "/v1.0/state/any/k")
            #expect(answer.status == 500)
            let body = try JSONValue(parsing: answer.body)
            #expect(body["errorCode"]?.string == "ERR_STATE_STORE_NOT_CONFIGURED")
            #expect(body["message"]?.string == "state store any is not configured")
        }
    }

    @Test("shows values of every kind")
    func values() async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let empty = try http(sidecar.port, "GET", "/v1.0/state/store/empty")
            #expect(empty.status == 200)
            #expect(empty.body.isEmpty)
            #expect(empty.headers["etag"] == "7")
            #expect(try http(sidecar.port, "GET", "/v1.0/state/store/binary").body == [0xff, 0, 0x7a])
            let expiring = try http(sidecar.port, "GET", "/v1.0/state/store/expiring")
            #expect(expiring.headers["metadata.ttlexpiretime"] == "2030-01-01T00:00:00Z")
            #expect(expiring.headers["content-type"] == "application/json")
            _ = try http(sidecar.port, "POST", "/v1.0/state/store", #"[{"key":"nothing"}]"#)
            #expect(try http(sidecar.port, "GET", "/v1.0/state/store/nothing").text == "null")
        }
    }

    @Test("reads in bulk, in the order of the keys", arguments: ["store", "full"])
    func bulk(_ store: String) async throws {
        try await Sidecar.run([("store", "state.scripted", [:]), ("full", "state.scripted-full", [:])]) { (sidecar: Sidecar) async throws in
            _ = try http(sidecar.port, "POST", "/v1.0/state/\(store)", #"[{"key":"a","value":1}]"#)
            let body = #"{"keys":["missing","a","error:13:BROKEN"],"parallelism":2}"#
            let answer = try http(sidecar.port, "POST", "/v1.0/state/\(store)/bulk", body)
            #expect(answer.status == 200)
            #expect(answer.text == #"[{"key":"missing"},{"key":"a","data":1,"etag":"1"},{"key":"error:13:BROKEN","error":"the backend said no"}]"#)
            #expect(try http(sidecar.port, "PUT", "/v1.0/state/\(store)/bulk", #"{"keys":[]}"#).text == "[]")
        }
    }

    @Test("reads and refuses a hundred thousand keys without a stack as deep", arguments: [true, false])
    func manyKeys(_ isReady: Bool) async throws {
        let components: [(name: String, type: String, metadata: [String: String])] =
            isReady ? [("store", "state.scripted", [:])] : [("store", "state.nobody-offers-this", [:])]
        try await Sidecar.run(components, waits: isReady) { (sidecar: Sidecar) async throws in
            let keys = Array(repeating: #""k""#, count: 100_000).joined(separator: ",")
            let answer = try http(sidecar.port, "POST", "/v1.0/state/store/bulk", #"{"keys":[\#(keys)]}"#)
            #expect(answer.status == 200)
            #expect(answer.text.hasPrefix(isReady ? #"[{"key":"k"},"# : #"[{"key":"k","error":"#))
        }
    }

    @Test("does transactions, all or nothing")
    func transactions() async throws {
        try await Sidecar.run([("full", "state.scripted-full", [:])]) { (sidecar: Sidecar) async throws in
            let done = try http(
                sidecar.port, "POST", "/v1.0/state/full/transaction?metadata.r=s",
                #"{"operations":[{"operation":"upsert","request":{"key":"a","value":1}},{"operation":"delete","request":{"key":"b"}}],"metadata":{"t":"u"}}"#)
            #expect(done.status == 204)
            let asked = try last(sidecar, "full")
            let writes = try #require(asked["writes"]?.array)
            #expect(writes.map { $0["key"]?.string } == ["app||a", "app||b"])
            #expect(writes.map { $0["operation"]?.integer } == [0, 1])
            #expect(asked["metadata"]?["t"]?.string == "u")
            #expect(asked["metadata"]?["r"]?.string == "s")
            let undone = try http(
                sidecar.port, "POST", "/v1.0/state/full/transaction",
                #"{"operations":[{"operation":"upsert","request":{"key":"a","value":2}},{"operation":"upsert","request":{"key":"c","value":2,"etag":"99"}}]}"#)
            #expect(undone.status == 500)
            #expect(try http(sidecar.port, "GET", "/v1.0/state/full/a").text == "1")
            #expect(try http(sidecar.port, "POST", "/v1.0/state/full/transaction", #"{"operations":[]}"#).status == 204)
        }
    }

    @Test("queries, and shows keys without their prefix")
    func query() async throws {
        try await Sidecar.run([("full", "state.scripted-full", [:])]) { (sidecar: Sidecar) async throws in
            #expect(try http(sidecar.port, "POST", "/v1.0-alpha1/state/full/query", "{}").status == 204)
            _ = try http(sidecar.port, "POST", "/v1.0/state/full", #"[{"key":"a","value":{"x":1}}]"#)
            let answer = try http(
                sidecar.port, "PUT", "/v1.0-alpha1/state/full/query?metadata.contentType=application/json",
                #"{"filter":{"AND":[{"EQ":{"x":1}},{"IN":{"y":["p",true]}}]},"sort":[{"key":"x","order":"DESC"}],"page":{"limit":2,"token":"t"}}"#)
            #expect(answer.status == 200)
            #expect(answer.text == #"{"results":[{"key":"a","data":{"x":1},"etag":"3"}],"token":"more"}"#)
            let asked = try last(sidecar, "full")
            #expect(asked["prefix"]?.string == "app||")
            #expect(asked["token"]?.string == "t")
            #expect(asked["limit"]?.integer == 2)
            #expect(asked["nodes"]?.array?.map { $0["operation"]?.integer } == [0, 2, 8])
            #expect(asked["nodes"]?.array?[0]["first"]?.integer == 1)
            #expect(asked["nodes"]?.array?[2]["values"]?.array?.map { $0["type"]?.integer } == [3, 1])
            #expect(asked["sort"]?.array?[0]["descending"]?.integer == 1)
            #expect(asked["metadata"]?["contentType"]?.string == "application/json")
        }
    }

    @Test("takes a content type of any length")
    func longContentType() async throws {
        try await Sidecar.run([("store", "state.scripted", [:]), ("full", "state.scripted-full", [:])]) { (sidecar: Sidecar) async throws in
            let type = String(repeating: "t", count: 5000)
            for store in ["store", "full"] {
                let body = #"[{"key":"a","value":1,"metadata":{"contentType":"\#(type)"}},{"key":"b","value":1,"metadata":{"contentType":"\#(type)"}}]"#
                #expect(try http(sidecar.port, "POST", "/v1.0/state/\(store)", body).status == 204)
            }
            #expect(try last(sidecar)["contentType"]?.string == type)
        }
    }

    @Test("starts a lazy store with its first request")
    func lazy() async throws {
        try await Sidecar.run(startMode: .lazy) { (sidecar: Sidecar) async throws in
            #expect(try http(sidecar.port, "POST", "/v1.0/state/store", #"[{"key":"a","value":1}]"#).status == 204)
            #expect(try http(sidecar.port, "GET", "/v1.0/state/store/a").text == "1")
        }
    }
}

/// A request that is refused.
struct HTTPFault: Sendable, CustomTestStringConvertible {
    var method: String
    var target: String
    var body: String?
    var headers: [(String, String)] = []
    var status: Int
    var errorCode: String

    var testDescription: String { "\(method) \(target) \(body ?? "")" }

    init(
        _ status: Int, _ errorCode: String, _ method: String, _ target: String, _ body: String? = nil,
        headers: [(String, String)] = []
    ) {
        self.method = method
        self.target = target
        self.body = body
        self.headers = headers
        self.status = status
        self.errorCode = errorCode
    }

    static let table: [HTTPFault] = [
        HTTPFault(400, "ERR_STATE_STORE_NOT_FOUND", "GET", "/v1.0/state/other/k"),
        HTTPFault(400, "ERR_MALFORMED_REQUEST", "GET", "/v1.0/state/store/a%7C%7Cb"),
        HTTPFault(500, "ERR_STATE_GET", "GET", "/v1.0/state/store/error:13:BROKEN"),
        HTTPFault(503, "ERR_STATE_GET", "GET", "/v1.0/state/store/error:14:AWAY"),
        HTTPFault(400, "ERR_MALFORMED_REQUEST", "POST", "/v1.0/state/store", "x"),
        HTTPFault(400, "ERR_MALFORMED_REQUEST", "POST", "/v1.0/state/store", ""),
        HTTPFault(400, "ERR_MALFORMED_REQUEST", "POST", "/v1.0/state/store", #"[{"value":1}]"#),
        HTTPFault(400, "ERR_MALFORMED_REQUEST", "POST", "/v1.0/state/store", #"[{"key":"","value":1}]"#),
        HTTPFault(400, "ERR_MALFORMED_REQUEST", "POST", "/v1.0/state/store", #"[{"key":"a||b","value":1}]"#),
        HTTPFault(409, "ERR_STATE_SAVE", "POST", "/v1.0/state/store", #"[{"key":"there","value":1,"etag":"9"}]"#),
        HTTPFault(400, "ERR_STATE_SAVE", "POST", "/v1.0/state/store", #"[{"key":"there","value":1,"etag":"x"}]"#),
        HTTPFault(409, "ERR_STATE_SAVE", "POST", "/v1.0/state/store", #"[{"key":"new","value":1,"etag":"1"}]"#),
        HTTPFault(
            409, "ERR_STATE_SAVE", "POST", "/v1.0/state/store", #"[{"key":"there","value":1,"options":{"concurrency":"first-write"}}]"#),
        HTTPFault(409, "ERR_STATE_SAVE", "POST", "/v1.0/state/full", #"[{"key":"a","value":1},{"key":"b","value":1,"etag":"4"}]"#),
        HTTPFault(500, "ERR_STATE_SAVE", "POST", "/v1.0/state/store", #"[{"key":"error:2:ODD","value":1}]"#),
        HTTPFault(400, "ERR_STATE_SAVE", "POST", "/v1.0/state/store?metadata.ttlInSeconds=x", #"[{"key":"a","value":1}]"#),
        HTTPFault(409, "ERR_STATE_DELETE", "DELETE", "/v1.0/state/store/there", headers: [("if-match", "9")]),
        HTTPFault(400, "ERR_STATE_DELETE", "DELETE", "/v1.0/state/store/there", headers: [("if-match", "x")]),
        HTTPFault(409, "ERR_STATE_DELETE", "DELETE", "/v1.0/state/store/missing", headers: [("if-match", "1")]),
        HTTPFault(500, "ERR_STATE_DELETE", "DELETE", "/v1.0/state/store/error:13:BROKEN"),
        HTTPFault(400, "ERR_MALFORMED_REQUEST", "POST", "/v1.0/state/store/bulk", "[]"),
        HTTPFault(400, "ERR_MALFORMED_REQUEST", "POST", "/v1.0/state/store/bulk", #"{"keys":["a||b"]}"#),
        HTTPFault(500, "ERR_STATE_STORE_NOT_SUPPORTED", "POST", "/v1.0/state/store/transaction", "x"),
        HTTPFault(400, "ERR_MALFORMED_REQUEST", "POST", "/v1.0/state/full/transaction", "x"),
        HTTPFault(
            400, "ERR_NOT_SUPPORTED_STATE_OPERATION", "POST", "/v1.0/state/full/transaction", #"{"operations":[{"operation":"merge","request":{"key":"a"}}]}"#),
        HTTPFault(
            500, "ERR_STATE_TRANSACTION", "POST", "/v1.0/state/full/transaction",
            #"{"operations":[{"operation":"upsert","request":{"key":"error:13:X","value":1}}]}"#),
        HTTPFault(
            400, "ERR_STATE_STORE_TOO_MANY_TRANSACTIONS", "POST", "/v1.0/state/full/transaction",
            #"{"operations":[\#((1...4).map { #"{"operation":"delete","request":{"key":"\#($0)"}}"# }.joined(separator: ","))]}"#),
        HTTPFault(500, "ERR_STATE_STORE_NOT_SUPPORTED", "POST", "/v1.0-alpha1/state/store/query", "{}"),
        HTTPFault(500, "ERR_STATE_QUERY", "POST", "/v1.0-alpha1/state/full/query", "x"),
        HTTPFault(404, "ERR_DIRECT_INVOKE", "GET", "/v1.0/state/store"),
        HTTPFault(404, "ERR_DIRECT_INVOKE", "PATCH", "/v1.0/state/store/k"),
        HTTPFault(404, "ERR_DIRECT_INVOKE", "GET", "/v1.0/state"),
        HTTPFault(404, "ERR_DIRECT_INVOKE", "GET", "/"),
        HTTPFault(404, "ERR_DIRECT_INVOKE", "GET", "/v2.0/state/store/k"),
        HTTPFault(404, "ERR_DIRECT_INVOKE", "POST", "/v1.0/state/store/query", "{}"),
    ]
}
