import Testing
@testable import Console

@Suite struct DisplayWidthTests {
    @Test("text takes as many cells as a terminal gives it", arguments: [
        ("", 0), ("plain", 5), ("µs", 2), ("é", 1), ("e\u{301}", 1), ("日本語", 6), ("한국", 4), ("ＡＢ", 4), ("ｱｲ", 2),
        ("🚀", 2), ("👨‍👩‍👧‍👦", 2), ("🇩🇪", 2), ("☂️", 2), ("☂", 1), ("a\u{200B}b", 2), ("→ …", 3),
    ] as [(String, Int)])
    func width(text: String, cells: Int) {
        #expect(text.displayWidth == cells)
    }

    @Test("what is cut ends in an ellipsis and fits", arguments: [
        ("statestore", 10, "statestore"), ("statestore", 9, "statesto…"), ("日本語テキスト", 6, "日本…"),
        ("日本語テキスト", 7, "日本語…"), ("ab", 1, "…"), ("ab", 0, ""), ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 3, "👨‍👩‍👧‍👦…"),
    ] as [(String, Int, String)])
    func truncation(text: String, width: Int, cut: String) {
        #expect(text.truncated(toDisplayWidth: width) == cut)
        #expect(text.truncated(toDisplayWidth: width).displayWidth <= width)
    }

    @Test("what could steer a terminal is made visible", arguments: [
        ("fine text", "fine text"), ("\u{1B}[31mred", "␛[31mred"), ("two\nlines", "two␊lines"), ("\u{9B}2J", "\u{FFFD}2J"),
        ("a\u{202E}b", "a\u{FFFD}b"), ("\u{7F}", "␡"),
    ] as [(String, String)])
    func controlCharacters(text: String, shown: String) {
        #expect(text.printable == shown)
    }
}
