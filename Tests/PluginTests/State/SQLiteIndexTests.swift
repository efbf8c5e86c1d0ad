import COctavo
import PluginCheck
import Testing

/// `queryIndexes` of `state.sqlite`.
@Suite struct SQLiteIndexTests {
    private typealias Comparison = Store.Comparison

    private static let both = #"""
        [{"name":"q","indexes":[{"key":"person.org","type":"TEXT"},{"key":"age","type":"NUMERIC"},{"key":"it's","type":"TEXT"}]}]
        """#

    private func open(_ folder: TemporaryFolder, indexes: String = "") throws -> Store {
        let settings: [Setting] = [.text("connectionString", "test.db")] + (indexes.isEmpty ? [] : [.text("queryIndexes", indexes)])
        let instance = try Instance(Plugin.sqlite.get(), "state.sqlite", folder: folder.path, settings)
        try instance.start()
        return Store(instance: instance)
    }

    /// What the shell of SQLite says to commands.
    private func sqlite(_ folder: TemporaryFolder, _ commands: String) -> String {
        folder.write("commands", ".timeout 10000\n\(commands)\n")
        let said = shell("sqlite3 '\(folder.path)/test.db' <'\(folder.path)/commands'")
        #expect(said.code == 0, "\(said.text)")
        return said.text
    }

    private func names(_ folder: TemporaryFolder) -> [String] {
        sqlite(folder, "SELECT name FROM sqlite_master WHERE name LIKE 'octavo\\_%' ESCAPE '\\' AND type = 'index' ORDER BY name;")
            .split(separator: "\n").map(String.init)
    }

    private func fill(_ store: Store) throws {
        let values = [
            #"{"age":30,"person":{"org":"A"},"it's":"x"}"#, #"{"age":30.5,"person":{"org":"B"}}"#, #"{"age":"30","person":{"org":"A"}}"#,
            #"{"age":null,"person":{"org":null}}"#, #"{"age":true,"person":{"org":1}}"#, #"{"age":[30],"person":{"org":{"org":"A"}}}"#,
            #"{"age":-1e300,"person":"A","it's":7}"#, #"{}"#, "[]", "30", #""A""#, "null", "no json", "", #"{"age":30"#,
            #"{"person.org":"A","age":1,"person":{"org":"ünï"}}"#, #"{"age":9007199254740993,"person":{"org":""}}"#,
        ]
        for (number, value) in values.enumerated() { try store.write(.set("k\(number)", value)) }
        try store.write(Store.Write(key: "binary", value: [0xFF, 0]))
    }

    @Test("the same is found with the indexes and without")
    func same() throws {
        let (folder, other) = (TemporaryFolder(), TemporaryFolder())
        let (with, without) = (try open(folder, indexes: Self.both), try open(other))
        for store in [with, without] { try fill(store) }
        let operations = [
            OCTAVO_QUERY_EQ, OCTAVO_QUERY_NEQ, OCTAVO_QUERY_GT, OCTAVO_QUERY_GTE, OCTAVO_QUERY_LT, OCTAVO_QUERY_LTE, OCTAVO_QUERY_IN,
        ]
        let values: [Comparison.Value] = [
            .text("A"), .text("30"), .text(""), .text("x"), .number(30), .number(-1), .number(1), .number(1e300), .boolean(true),
            .boolean(false), .null,
        ]
        var found = 0
        for operation in operations {
            for path in ["person.org", "age", "it's", "none", "person"] {
                for value in values {
                    let values = operation == OCTAVO_QUERY_IN ? [value, .text("B"), .number(30.5)] : [value]
                    let one = Comparison(operation: operation, path: path, values: values)
                    let second = Comparison(operation: OCTAVO_QUERY_GTE, path: "age", values: [.number(0)])
                    for (comparisons, any) in [([one], false), ([one, second], false), ([one, second], true)] {
                        let here = try with.query(comparisons, any: any, sort: [("age", true)]).0.map(\.key)
                        let there = try without.query(comparisons, any: any, sort: [("age", true)]).0.map(\.key)
                        #expect(here == there, "\(operation) \(path) \(value) \(comparisons.count) \(any)")
                        found += here.count
                    }
                }
            }
        }
        #expect(found > 1000)
        #expect(try with.query([]).0.map(\.key) == without.query([]).0.map(\.key))
        for store in [with, without] { try store.direct.end() }
    }

    /// An index that has lost its entries hides rows from whoever looks into it, and from nobody else.
    @Test("queries find their rows by the index")
    func used() throws {
        let folder = TemporaryFolder()
        let store = try open(folder, indexes: Self.both)
        for number in 0..<50 {
            try store.write(.set("k\(number)", #"{"person":{"org":"o\#(number)"},"age":\#(number),"it's":"i\#(number)","free":"f\#(number)"}"#))
        }
        let org = Comparison(operation: OCTAVO_QUERY_EQ, path: "person.org", values: [.text("o7")])
        let age = Comparison(operation: OCTAVO_QUERY_GT, path: "age", values: [.number(48)])
        let quoted = Comparison(operation: OCTAVO_QUERY_EQ, path: "it's", values: [.text("i7")])
        let some = Comparison(operation: OCTAVO_QUERY_IN, path: "person.org", values: [.text("o7"), .text("o8")])
        let free = Comparison(operation: OCTAVO_QUERY_EQ, path: "free", values: [.text("f7")])
        let served: [([Comparison], Bool, [String])] = [
            ([org], false, ["k7"]), ([age], false, ["k49"]), ([quoted], false, ["k7"]), ([some], false, ["k7", "k8"]),
            ([free, org], false, ["k7"]), ([org, age], true, ["k49", "k7"]),
        ]
        let unserved: [([Comparison], Bool, [String])] = [
            ([free], false, ["k7"]), ([free, org], true, ["k7"]),
        ]
        for (comparisons, any, keys) in served + unserved { #expect(try store.query(comparisons, any: any).0.map(\.key) == keys) }
        let names = names(folder)
        try #require(names.count == 3)
        for (number, name) in names.enumerated() { _ = sqlite(folder, ".imposter \(name) lost\(number)\nDELETE FROM lost\(number);") }
        for (comparisons, any, _) in served { #expect(try store.query(comparisons, any: any).0.isEmpty, "\(comparisons) \(any)") }
        for (comparisons, any, keys) in unserved { #expect(try store.query(comparisons, any: any).0.map(\.key) == keys) }
        try store.direct.end()
    }

    @Test("the indexes follow the configuration, and others are left alone")
    func followed() throws {
        let folder = TemporaryFolder()
        var store = try open(folder, indexes: Self.both)
        try fill(store)
        let all = names(folder)
        #expect(all.count == 3)
        try store.direct.end()
        _ = sqlite(folder, "CREATE INDEX octavo_mine ON state (etag);")
        store = try open(folder, indexes: #"[{"name":"q","indexes":[{"key":"age","type":"NUMERIC"},{"key":"age","type":"TEXT"}]}]"#)
        let one = names(folder).filter { $0 != "octavo_mine" }
        #expect(one.count == 1 && all.contains(one[0]))
        #expect(try store.query([Comparison(operation: OCTAVO_QUERY_EQ, path: "age", values: [.number(30)])]).0.map(\.key) == ["k0"])
        try store.direct.end()
        store = try open(folder)
        #expect(names(folder) == ["octavo_mine"])
        try store.direct.end()
    }

    @Test("a setting that names no members is refused with the cause", arguments: [
        (#"[{"name":"q","indexes":[{"key":"a\"b","type":"TEXT"}]}]"#, "quotation mark"),
        (#"[{"name":"q","indexes":[{"key":"a\u0000b","type":"TEXT"}]}]"#, "NUL"),
        (#"[{"name":"q","indexes":[{"key":"a","type":"DATE"}]}]"#, "TEXT or NUMERIC"),
        (#"[{"name":"q","indexes":[{"type":"TEXT"}]}]"#, "no key"), ("[", "queryIndexes"),
    ])
    func refused(text: String, cause: String) {
        let folder = TemporaryFolder()
        let failure = #expect(throws: PluginFailure.self) { _ = try open(folder, indexes: text) }
        #expect(failure?.code == OCTAVO_CODE_INVALID_ARGUMENT)
        #expect(failure?.message.contains("queryIndexes") == true && failure?.message.contains(cause) == true, "\(String(describing: failure))")
    }
}
