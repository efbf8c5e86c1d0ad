import Arguments
import Testing

@Suite("A command line")
struct ParsingTests {
    private func copy(_ words: [String]) throws -> Copy {
        try #require(try Tool.parseAsRoot(["copy"] + words) as? Copy)
    }

    /// What is printed for words that can't be parsed, and the code.
    private func refusal(_ words: [String]) -> (message: String, code: ExitCode)? {
        do {
            _ = try Tool.parseAsRoot(words)
            return nil
        } catch {
            return (Tool.fullMessage(for: error), Tool.exitCode(for: error))
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let words: [String]
        let expect: @Sendable (Copy) -> Bool
        init(_ words: String, _ expect: @escaping @Sendable (Copy) -> Bool) {
            self.words = words.split(separator: " ").map(String.init)
            self.expect = expect
        }
        var testDescription: String { words.joined(separator: " ") }
    }

    @Test("gives each word to its declaration", arguments: [
        Case("a") { $0.source == "a" && $0.kind == nil && $0.places == [] && $0.speed == .slow && $0.check },
        Case("a fast b c") { $0.kind == .fast && $0.places == ["b", "c"] },
        Case("--speed fast a") { $0.speed == .fast && $0.source == "a" },
        Case("a --speed=fast --speed slow") { $0.speed == .slow },
        Case("--url-base= a") { $0.urlBase == "" },
        Case("--url-base=x=y a") { $0.urlBase == "x=y" },
        Case("--url-base - -") { $0.urlBase == "-" && $0.source == "-" },
        Case("--block-size=-1 a") { $0.blockSize == -1 },
        Case("--only x --only=y a --only z") { $0.filters == ["x", "y", "z"] },
        Case("--check false a") { !$0.check },
        Case("-r 5 a") { $0.shared.tries.number == 5 },
        Case("-r=6 a") { $0.shared.tries.number == 6 },
        Case("--retries 7 -v a") { $0.shared.tries.number == 7 && $0.shared.verbose && !$0.shared.quiet },
        Case("--secret s a") { $0.secret == "s" },
        Case("a -- --speed fast -- x") { $0.speed == .slow && $0.command == ["--speed", "fast", "--", "x"] },
        Case("a --") { $0.command.isEmpty },
    ])
    func parsed(_ given: Case) throws {
        let command = try copy(given.words)
        #expect(given.expect(command), "\(command)")
    }

    @Test("that can't be is refused with what is wrong and how it is right", arguments: [
        ("copy", "Error: Missing expected argument '<source>'\nHelp:  <source>  The file.\nUsage: tool copy "),
        ("copy a --sped fast", "Error: Unknown option '--sped'. Did you mean '--speed'?\nUsage: "),
        ("copy a --nothing-like-it", "Error: Unknown option '--nothing-like-it'\nUsage: "),
        ("copy a --secre x", "Error: Unknown option '--secre'\n"),
        ("copy a -x", "Error: Unknown option '-x'\n"),
        ("copy a -vx", "Error: Unknown option '-vx'\n"),
        ("copy a --speed", "Error: Missing value for '--speed <speed>'\nHelp:  --speed <speed>  How fast. (values: slow, fast; default: slow)\n"),
        ("copy a --speed --verbose", "Error: Missing value for '--speed <speed>'"),
        ("copy a --speed warp", "The value 'warp' is invalid for '--speed <speed>'. Please provide one of 'slow' or 'fast'."),
        ("copy a warp", "The value 'warp' is invalid for '<kind>'. Please"),
        ("copy a -r 0", "The value '0' is invalid for '--retries <count>'\n"),
        ("copy a --block-size 1e3", "The value '1e3' is invalid for '--block-size <block-size>'"),
        ("copy a --check maybe", "The value 'maybe' is invalid for '--check <check>'"),
        ("copy a --verbose=1", "The option '--verbose' does not take any value, but '1' was specified."),
        ("copy a -v -q", "Error: --verbose and --quiet contradict each other.\nUsage: tool copy"),
        ("copy a -vq", "Error: --verbose and --quiet contradict each other.\nUsage: tool copy"),
        ("group wait x", "Error: Unexpected argument 'x'\nUsage: tool group wait\n  See 'tool group wait --help' for more information."),
        ("group wait x y", "Error: 2 unexpected arguments: 'x', 'y'"),
        ("group wait -- x", "Error: Unexpected argument 'x'"),
    ])
    func refused(_ words: String, _ message: String) throws {
        let refusal = try #require(self.refusal(words.split(separator: " ").map(String.init)))
        #expect(refusal.message.contains(message), "\(refusal.message)")
        #expect(refusal.code == .validationFailure)
    }

    @Test("may ask for help or version, whatever else is there", arguments: [
        ("--help", "OVERVIEW: Does things."), ("-h", "OVERVIEW: Does things."), ("help", "OVERVIEW: Does things."),
        ("copy --help", "OVERVIEW: Copies"), ("copy a -r 5 -h --nonsense", "OVERVIEW: Copies"),
        ("help copy", "OVERVIEW: Copies"), ("help group wait", "OVERVIEW: Waits."), ("group --help", "OVERVIEW: Commands"),
        ("--version", "tool 7"), ("group wait --version", "tool 7"),
    ])
    func helpAndVersion(_ words: String, _ start: String) throws {
        let end = try #require(refusal(words.split(separator: " ").map(String.init)))
        #expect(end.message.hasPrefix(start), "\(end.message)")
        #expect(end.code == .success)
    }

    @Test("of a group alone shows the group's help when it runs")
    func group() throws {
        var command = try Tool.parseAsRoot(["group"])
        do {
            try command.run()
            Issue.record("it ran")
        } catch {
            #expect(Tool.fullMessage(for: error).contains("USAGE: tool group <subcommand>"))
            #expect(Tool.exitCode(for: error) == .success)
        }
    }

    @Test("whose command failed ends with the failure's code and text")
    func failures() {
        struct Broken: Error, CustomStringConvertible { var description: String { "it broke" } }
        #expect(Tool.fullMessage(for: Broken()) == "Error: it broke" && Tool.exitCode(for: Broken()) == .failure)
        #expect(Tool.fullMessage(for: ExitCode(5)).isEmpty && Tool.exitCode(for: ExitCode(5)) == ExitCode(5))
    }
}
