import Testing
@testable import Console

@Suite struct TableTests {
    private var table: Table {
        var table = Table([
            Table.Column("NAME"), Table.Column("CALLS", .right), Table.Column("REASON", canShrink: true),
        ])
        table.add("redis", "1,204", Table.Cell("connection refused by the server at localhost", .bad))
        table.add("日本", "7", Table.Cell(nil))
        return table
    }

    @Test("columns are aligned by cells and nothing is cut outside a terminal")
    func alignment() {
        #expect(
            table.rendered(width: nil, colour: false) == """
                NAME   CALLS  REASON
                redis  1,204  connection refused by the server at localhost
                日本       7  –

                """)
    }

    @Test("a terminal that is too narrow cuts the columns that may be cut")
    func shrinking() {
        #expect(
            table.rendered(width: 34, colour: false) == """
                NAME   CALLS  REASON
                redis  1,204  connection refused …
                日本       7  –

                """)
    }

    @Test("a column that shrinks keeps room for a word, however narrow the terminal is", arguments: [1, 10, 20])
    func leastWidth(width: Int) {
        #expect(table.rendered(width: width, colour: false).contains("connection …"))
    }

    @Test("colour changes no alignment", arguments: [nil, 30, 200] as [Int?])
    func colour(width: Int?) {
        let coloured = table.rendered(width: width, colour: true)
        #expect(coloured.contains("\u{1B}[31m"))
        let parts = coloured.split(separator: "\u{1B}", omittingEmptySubsequences: false)
        let plain = parts[0] + parts.dropFirst().map { $0.drop { $0 != "m" }.dropFirst() }.joined()
        #expect(plain == table.rendered(width: width, colour: false))
    }

    @Test("a cell can't write escape sequences to the terminal")
    func hostileCell() {
        var table = Table([Table.Column("NAME")])
        table.add(Table.Cell("\u{1B}]0;owned\u{07}"))
        #expect(!table.rendered(width: 80, colour: false).contains("\u{1B}"))
    }

    @Test("a list of fields aligns its values and leaves out what is not known")
    func fields() {
        var list = FieldList()
        list.add("version", "1.4.0")
        list.add("vendor", nil)
        list.add("id", "redis")
        #expect(list.rendered(colour: false, indent: 2) == "  version  1.4.0\n  id       redis\n")
    }

    @Test("a slip of the fingers finds the word that was meant", arguments: [
        ("rnu", "run"), ("stats", "status"), ("plugins", "plugin"), ("comp", "component"), ("LIST", nil), ("xyz", nil),
        (String(repeating: "a", count: 5_000), nil), ("", nil),
    ] as [(String, String?)])
    func suggestion(word: String, meant: String?) {
        #expect(Suggestion.nearest(to: word, in: ["run", "status", "plugin", "component", "doctor"]) == meant)
    }
}
