import Testing

@testable import BuildingBlocks

@Suite("A query")
struct StateQueryTests {
    private func parse(_ text: String) throws -> StateQuery { try StateQuery(parsing: Array(text.utf8)) }

    @Test("of nothing asks for everything", arguments: ["{}", #"{"filter":{}}"#, #"{"filter":null}"#, " { } "])
    func empty(_ text: String) throws {
        let query = try parse(text)
        #expect(query.nodes.isEmpty)
        #expect(query.sort.isEmpty)
        #expect(query.limit == 0)
        #expect(query.token == nil)
    }

    @Test(
        "compares a member with a value",
        arguments: [
            ("EQ", StateQuery.Operation.eq), ("NEQ", .neq), ("GT", .gt), ("GTE", .gte), ("LT", .lt), ("LTE", .lte),
        ])
    func comparison(_ word: String, _ operation: StateQuery.Operation) throws {
        let query = try parse(#"{"filter":{"\#(word)":{"person.age":42}}}"#)
        #expect(query.nodes == [.init(operation: operation, path: "person.age", values: [.number("42")])])
    }

    @Test("lies flat, the children of a node side by side")
    func flat() throws {
        let query = try parse(
            #"""
            {"filter":{"OR":[{"AND":[{"EQ":{"a":"x"}},{"IN":{"b":[1,true,null]}}]},{"NEQ":{"c":false}}]},
             "sort":[{"key":"a"},{"key":"b","order":"desc"}],"page":{"limit":3,"token":"t"}}
            """#)
        #expect(
            query.nodes == [
                .init(operation: .or, firstChild: 1, childCount: 2),
                .init(operation: .and, firstChild: 3, childCount: 2),
                .init(operation: .neq, path: "c", values: [.bool(false)]),
                .init(operation: .eq, path: "a", values: [.string("x")]),
                .init(operation: .in, path: "b", values: [.number("1"), .bool(true), .null]),
            ])
        #expect(query.sort == [.init(path: "a", isDescending: false), .init(path: "b", isDescending: true)])
        #expect(query.limit == 3)
        #expect(query.token == "t")
    }

    @Test(
        "is refused, with the cause, when it is wrong",
        arguments: [
            "", "x", "[]", "1", "null", #"{"filtre":{}}"#, #"{"filter":[]}"#, #"{"filter":1}"#,
            #"{"filter":{"EQ":{}}}"#, #"{"filter":{"EQ":{"a":1,"b":2}}}"#, #"{"filter":{"EQ":{"":1}}}"#,
            #"{"filter":{"EQ":[]}}"#, #"{"filter":{"EQ":{"a":[1]}}}"#, #"{"filter":{"EQ":{"a":{}}}}"#,
            #"{"filter":{"LIKE":{"a":1}}}"#, #"{"filter":{"eq":{"a":1}}}"#, #"{"filter":{"IN":{"a":1}}}"#,
            #"{"filter":{"IN":{"a":[]}}}"#, #"{"filter":{"IN":{"a":[[]]}}}"#, #"{"filter":{"AND":[]}}"#,
            #"{"filter":{"AND":{"EQ":{"a":1}}}}"#, #"{"filter":{"EQ":{"a":1},"NEQ":{"a":2}}}"#,
            #"{"sort":{}}"#, #"{"sort":[{}]}"#, #"{"sort":[{"key":""}]}"#, #"{"sort":[{"key":"a","order":"UP"}]}"#,
            #"{"page":1}"#, #"{"page":{"limit":-1}}"#, #"{"page":{"limit":"1"}}"#, #"{"page":{"limit":1.5}}"#,
            #"{"page":{"limit":1000001}}"#, #"{"page":{"token":1}}"#, #"{"filter":{"EQ":{"a":1}}"#,
        ])
    func malformed(_ text: String) {
        #expect(throws: StateQuery.Malformed.self) { try parse(text) }
    }

    @Test("has bounds: parts, depth, and the time that its text takes")
    func bounds() throws {
        let part = #"{"EQ":{"a":1}}"#
        #expect(throws: StateQuery.Malformed.self) {
            try parse(#"{"filter":{"OR":[\#(Array(repeating: part, count: 1000).joined(separator: ","))]}}"#)
        }
        #expect(throws: StateQuery.Malformed.self) {
            try parse(String(repeating: #"{"filter":"#, count: 20_000))
        }
        let names = (0..<200_000).map { #""n\#($0)":1"# }.joined(separator: ",")
        let clock = ContinuousClock()
        let time = clock.measure { #expect(throws: StateQuery.Malformed.self) { try parse("{\(names)}") } }
        // The square of the number of names would take minutes.
        #expect(time < .seconds(20))
    }
}
