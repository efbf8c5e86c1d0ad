import Testing

@testable import Arguments

@Suite("Help")
struct HelpTests {
    private func text(_ words: [String]) -> String {
        do {
            _ = try Tool.parseAsRoot(words)
            return ""
        } catch {
            return Tool.fullMessage(for: error)
        }
    }

    @Test("has every declaration that is not hidden, under its heading, with values and default")
    func copy() {
        #expect(
            text(["copy", "--help"]) == """
                OVERVIEW: Copies a file to places.

                A discussion that is long enough to be filled into more than a single line of
                eighty columns.

                EXAMPLES
                  tool copy a b --speed fast            a line that is not to be filled, however long it may be

                USAGE: tool copy [--retries <count>] [--verbose] [--quiet] [--speed <speed>] \
                [--url-base <url-base>] [--block-size <block-size>] [--only <only> ...] [--check <check>] <source> [<kind>] \
                [<places> ...] -- [<command> ...]

                ARGUMENTS:
                  <source>                The file.
                  <kind>                  Its kind. (values: slow, fast)
                  <places>                The places.
                  <command>               What to run.

                SHARED:
                  -r, --retries <count>   How often. (default: 3 times)
                  -v, --verbose           Says more.
                  -q, --quiet             Says less.

                OPTIONS:
                  --speed <speed>         How fast. (values: slow, fast; default: slow)
                  --url-base <url-base>   Where from.
                  --block-size <block-size>
                                          Bytes at a time.
                  --only <only>           What alone. Repeatable.
                  --check <check>         Whether to check. (default: true)
                  --version               Show the version.
                  -h, --help              Show help information.
                """)
    }

    @Test("of a command with subcommands lists them")
    func root() {
        #expect(
            text(["group", "--help"]).hasSuffix(
                """
                USAGE: tool group <subcommand>

                OPTIONS:
                  --version               Show the version.
                  -h, --help              Show help information.

                SUBCOMMANDS:
                  wait                    Waits.

                  See 'tool help group <subcommand>' for detailed help.
                """))
    }

    @Test("fills lines and leaves indented ones alone", arguments: [
        ("a bb ccc", 4, 0, "a bb\nccc"), ("a bb ccc", 8, 0, "a bb ccc"), ("abcdefgh i", 4, 0, "abcdefgh\ni"),
        ("a\n\nb", 4, 2, "  a\n\n  b"), ("  a b c d", 4, 0, "  a b c d"), ("", 4, 0, ""),
    ])
    func filling(_ text: String, _ width: Int, _ indent: Int, _ filled: String) {
        #expect(TextFilling.filled(text, width: width, indent: indent) == filled)
    }
}
