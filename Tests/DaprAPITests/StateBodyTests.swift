import BuildingBlocks
import COctavo
import JSONText
import Testing

@testable import DaprAPI

@Suite("A JSON body of the state API")
struct StateBodyTests {
    private func items(_ text: String, _ metadata: [(String, String)] = []) -> Result<[StateWrite], StateBody.Malformed> {
        Array(text.utf8).withUnsafeBytes { StateBody.items($0, metadata: metadata) }
    }

    @Test(
        "keeps a value as it was written, without white space",
        arguments: [
            (#"1"#, "1"), (#""text""#, #""text""#), (#" { "a" : [ 1 , 2 ] } "#, #"{"a":[1,2]}"#), ("null", "null"),
            (#"12345678901234567890.50"#, "12345678901234567890.50"), (#"" a\n""#, #"" a\n""#), ("\"€\"", "\"€\""),
            (#"{"b":1,"a":2}"#, #"{"b":1,"a":2}"#), ("true", "true"),
        ])
    func values(_ written: String, _ stored: String) throws {
        let writes = try items(#"[{"key":"k","value":\#(written)}]"#).get()
        #expect(String(decoding: writes[0].value, as: UTF8.self) == stored)
    }

    @Test("says everything that a write may say")
    func everything() throws {
        let text = #"""
            [{"key":"a","value":1,"etag":"7","metadata":{"ttlInSeconds":"5"},
              "options":{"concurrency":"first-write","consistency":"strong"},"unknown":[1,{}]},
             {"key":"b","etag":null,"options":null,"metadata":null},
             {"key":"c","etag":"","options":{"concurrency":"last-write","consistency":"eventual"}}]
            """#
        let writes = try items(text, [("ttlInSeconds", "9"), ("x", "y")]).get()
        #expect(writes.map(\.key) == ["a", "b", "c"])
        #expect(writes.map(\.etag) == ["7", nil, nil])
        #expect(writes.map(\.concurrency) == [1, 0, 2])
        #expect(writes.map(\.consistency) == [2, 0, 1])
        #expect(String(decoding: writes[1].value, as: UTF8.self) == "null")
        for write in writes { #expect(write.metadata.map { "\($0.0)=\($0.1)" } == ["ttlInSeconds=9", "x=y"]) }
    }

    @Test("of nothing is no write", arguments: ["[]", " [ ] ", "null"])
    func empty(_ text: String) throws { #expect(try items(text).get().isEmpty) }

    @Test(
        "is refused when it is malformed",
        arguments: [
            "", " ", "{}", "1", "[", "[}", "[1]", "[null]", #"["a"]"#, "[{]", #"[{"key":1}]"#, #"[{"key":null}]"#,
            #"[{"key":"a"},]"#, #"[{"key":"a"}"#, #"[{"key":"a",}]"#, #"[{"key":"a" "value":1}]"#, #"[{key:"a"}]"#,
            #"[{"key":"a","value":}]"#, #"[{"key":"a","value":01}]"#, #"[{"key":"a","value":tru}]"#,
            #"[{"key":"a","etag":1}]"#, #"[{"key":"a","metadata":[]}]"#, #"[{"key":"a","options":[]}]"#,
            #"[{"key":"a","options":{"concurrency":1}}]"#, #"[{"key":"a"}] x"#, #"[{"key":"\ud800"}]"#,
            "[{\"key\":\"\u{1}\"}]", #"[{"key":"\x"}]"#,
        ])
    func malformed(_ text: String) {
        #expect(throws: StateBody.Malformed.self) { try items(text).get() }
    }

    @Test("takes the last of a metadata name, and so many names")
    func metadata() throws {
        let writes = try items(#"[{"key":"a","metadata":{"n":"1","m":2,"n":"3"}}]"#).get()
        #expect(writes[0].metadata.map { "\($0.0)=\($0.1)" } == ["n=3", "m=2"])
        func body(_ count: Int) -> String {
            #"[{"key":"a","metadata":{\#((0..<count).map { #""n\#($0)":"v""# }.joined(separator: ","))}}]"#
        }
        #expect(try items(body(128)).get()[0].metadata.count == 128)
        #expect(throws: StateBody.Malformed.self) { try items(body(129)).get() }
    }

    @Test("is refused when it is nested too deeply or is not UTF-8")
    func hostile() {
        let deep = #"[{"key":"a","value":"# + String(repeating: "[", count: 100_000)
        #expect(throws: StateBody.Malformed.self) { try items(deep).get() }
        let bytes = Array(#"[{"key":""#.utf8) + [0xff, 0xfe] + Array(#""}]"#.utf8)
        #expect(throws: StateBody.Malformed.self) {
            try bytes.withUnsafeBytes { StateBody.items($0, metadata: []) }.get()
        }
    }

    @Test("of a bulk read names keys")
    func keys() throws {
        func parse(_ text: String) -> Result<StateBody.Keys, StateBody.Malformed> {
            Array(text.utf8).withUnsafeBytes { StateBody.keys($0) }
        }
        let full = try parse(#"{"keys":["a","b"],"parallelism":10,"metadata":{"p":"q"},"more":1}"#).get()
        #expect(full.keys == ["a", "b"])
        #expect(full.parallelism == 10)
        #expect(full.metadata.map(\.0) == ["p"])
        #expect(try parse("{}").get().keys.isEmpty)
        for text in ["", "[]", #"{"keys":"a"}"#, #"{"keys":[1]}"#, #"{"keys":["a"}"#, #"{"parallelism":"x"}"#] {
            #expect(throws: StateBody.Malformed.self) { try parse(text).get() }
        }
    }

    @Test("of a transaction names operations")
    func transaction() throws {
        func parse(_ text: String) -> Result<StateBody.Transaction, StateBody.BadTransaction> {
            Array(text.utf8).withUnsafeBytes { StateBody.transaction($0, store: "s", metadata: []) }
        }
        let text = #"{"operations":[{"operation":"upsert","request":{"key":"a","value":1}},{"request":{"key":"b"},"operation":"delete"}]}"#
        let writes = try parse(text).get().writes
        #expect(writes.map(\.key) == ["a", "b"])
        #expect(writes.map(\.isRemoval) == [false, true])
        guard case .failure(.unknown("merge")) = parse(#"{"operations":[{"operation":"merge","request":{"key":"a"}}]}"#) else {
            Issue.record("an unknown operation passed")
            return
        }
        for text in ["", "[]", #"{"operations":{}}"#, #"{"operations":[1]}"#, #"{"operations":[{"operation":1}]}"#] {
            guard case .failure(.malformed) = parse(text) else {
                Issue.record("\(text) passed")
                return
            }
        }
    }

    @Test("of a bulk reply holds JSON as it is and other bytes in Base64")
    func bulkReply() throws {
        var one = StateItem(key: "a"), two = StateItem(key: "b"), three = StateItem(key: "c\"")
        one.value = Array(#"{"x":1}"#.utf8)
        one.etag = "1"
        one.metadata = [("m", "n")]
        two.value = [0xff, 0x00]
        three.error = "no"
        #expect(
            String(decoding: StateBody.bulk([one, two, three]), as: UTF8.self)
                == #"[{"key":"a","data":{"x":1},"etag":"1","metadata":{"m":"n"}},{"key":"b","data":"/wA="},{"key":"c\"","error":"no"}]"#)
        #expect(StateBody.bulk([]) == Array("[]".utf8))
    }
}
