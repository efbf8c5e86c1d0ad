import COctavo
import PluginCheck
import Testing

@Suite struct QueryTests {
    typealias Comparison = Store.Comparison

    private func people() throws -> Fixture {
        let fixture = try StoreKind.sqlite.make()
        let people = [
            ("1", #"{"name":"Ann","age":30,"person":{"org":"A"},"active":true}"#),
            ("2", #"{"name":"Bob","age":25,"person":{"org":"B"},"active":false}"#),
            ("3", #"{"name":"Cid","age":41,"person":{"org":"A"},"active":true,"note":null}"#),
            ("4", #"{"name":"Dan","age":"30","person":{"org":"C"}}"#),
            ("5", "no json at all"),
        ]
        for (key, value) in people { try fixture.store.write(.set(key, value)) }
        try fixture.store.write(Store.Write(key: "6", value: [0xFF, 0]))
        return fixture
    }

    static let cases: [(Comparison, [String])] = [
        (Comparison(operation: OCTAVO_QUERY_EQ, path: "person.org", values: [.text("A")]), ["1", "3"]),
        (Comparison(operation: OCTAVO_QUERY_EQ, path: "age", values: [.number(30)]), ["1"]),
        (Comparison(operation: OCTAVO_QUERY_EQ, path: "age", values: [.text("30")]), ["4"]),
        (Comparison(operation: OCTAVO_QUERY_GT, path: "age", values: [.number(26)]), ["1", "3"]),
        (Comparison(operation: OCTAVO_QUERY_GTE, path: "age", values: [.number(25)]), ["1", "2", "3"]),
        (Comparison(operation: OCTAVO_QUERY_LT, path: "name", values: [.text("Bob")]), ["1"]),
        (Comparison(operation: OCTAVO_QUERY_LTE, path: "name", values: [.text("Bob")]), ["1", "2"]),
        (Comparison(operation: OCTAVO_QUERY_NEQ, path: "person.org", values: [.text("A")]), ["2", "4"]),
        (Comparison(operation: OCTAVO_QUERY_IN, path: "person.org", values: [.text("B"), .text("C")]), ["2", "4"]),
        (Comparison(operation: OCTAVO_QUERY_EQ, path: "active", values: [.boolean(true)]), ["1", "3"]),
        (Comparison(operation: OCTAVO_QUERY_EQ, path: "active", values: [.null]), ["4"]),
        (Comparison(operation: OCTAVO_QUERY_EQ, path: "x') OR 1=1 --", values: [.text("A")]), []),
        (Comparison(operation: OCTAVO_QUERY_EQ, path: "name", values: [.text("' OR 1=1 --")]), []),
    ]

    @Test("a filter finds what it describes", arguments: cases)
    func filters(_ comparison: Comparison, _ keys: [String]) throws {
        let fixture = try people()
        #expect(try fixture.store.query([comparison]).0.map(\.key) == keys)
    }

    @Test("results are sorted and come in pages")
    func pages() throws {
        let fixture = try people()
        let adults = [Comparison(operation: OCTAVO_QUERY_GT, path: "age", values: [.number(0)])]
        let first = try fixture.store.query(adults, sort: [("age", true)], limit: 2)
        #expect(first.0.map(\.key) == ["3", "1"])
        let second = try fixture.store.query(adults, sort: [("age", true)], limit: 2, token: first.1)
        #expect(second.0.map(\.key) == ["2"] && second.1 == nil)
        #expect(second.0[0].value == Array(#"{"name":"Bob","age":25,"person":{"org":"B"},"active":false}"#.utf8))
    }

    @Test("one of several is enough for OR")
    func or() throws {
        let fixture = try people()
        let found = try fixture.store.query(
            [
                Comparison(operation: OCTAVO_QUERY_EQ, path: "name", values: [.text("Ann")]),
                Comparison(operation: OCTAVO_QUERY_EQ, path: "name", values: [.text("Dan")]),
            ], any: true)
        #expect(found.0.map(\.key) == ["1", "4"])
    }

    @Test("a path that SQLite can't say is refused")
    func badPath() throws {
        let fixture = try people()
        #expect(throws: PluginFailure.self) {
            try fixture.store.query([Comparison(operation: OCTAVO_QUERY_EQ, path: #"a"b"#, values: [.null])])
        }
    }
}
