import Resources
import Testing

@Suite struct SpellingTests {
    @Test(
        "a slip finds the name that was meant",
        arguments: [
            ("metdata", "metadata"), ("Metadata", "metadata"), ("nmae", "name"), ("verison", "version"),
        ])
    func finds(slip: String, name: String) {
        #expect(Spelling.nearest(slip, in: ["name", "metadata", "version", "type"]) == name)
    }

    @Test(
        "a name that is like none finds nothing",
        arguments: ["", "qqqqq", "host", String(repeating: "x", count: 100_000)])
    func findsNothing(name: String) {
        #expect(Spelling.nearest(name, in: ["metadata", "version"]) == nil)
    }
}
