import Testing
import TextSearch

@Suite("Search in text")
struct TextSearchTests {
    @Test("text is found where it begins first", arguments: [
        ("a||b||c", "||", 1), ("||", "||", 0), ("aab", "ab", 1), ("grüße, Welt", "Welt", 9), ("abc", "", 0), ("", "", 0),
    ])
    func found(in text: String, _ wanted: String, at offset: Int) throws {
        let range = try #require(text.range(ofText: wanted))
        #expect(text.utf8.distance(from: text.startIndex, to: range.lowerBound) == offset)
        #expect(String(text[range]) == wanted)
        #expect(text.contains(text: wanted))
    }

    @Test("text that is not there is not found", arguments: [
        ("", "a"), ("ab", "abc"), ("a|b", "||"), ("ABC", "abc"),
        // One letter and its two parts are the same character, but not the same bytes.
        ("\u{e9}", "e\u{301}"),
    ])
    func notFound(in text: String, _ wanted: String) {
        #expect(!text.contains(text: wanted))
        #expect(text.range(ofText: wanted) == nil)
        #expect(text.replacing(text: wanted, with: "-") == text)
    }

    @Test("every occurrence is replaced, what replaces it is not looked at again", arguments: [
        ("v1.0-alpha.0", ".0", "", "v1-alpha"), ("\"a\"", "\"", "\\\"", "\\\"a\\\""), ("aaa", "aa", "a", "aa"),
        ("abc", "", "x", "abc"), ("abab", "ab", "abab", "abababab"),
    ])
    func replaced(_ text: String, _ wanted: String, _ replacement: String, _ result: String) {
        #expect(text.replacing(text: wanted, with: replacement) == result)
    }
}
