import Arguments
import Testing

@Suite("Completion")
struct CompletionTests {
    /// The candidates for the last of the words.
    private func candidates(_ line: String) -> [String] {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        do {
            _ = try Tool.parseAsRoot(["---completion", "\(words.count - 1)"] + words)
            return ["no answer"]
        } catch {
            #expect(Tool.exitCode(for: error) == .success)
            return Tool.fullMessage(for: error).split(separator: "\n").map(String.init)
        }
    }

    @Test("offers what can come next", arguments: [
        ("tool ", ["copy\tCopies a file to places.", "group\tCommands in a group.", "--help\tShow help information."]),
        ("tool c", ["copy\tCopies a file to places."]),
        ("tool group ", ["wait\tWaits.", "--help\tShow help information."]),
        ("tool help gr", ["group\tCommands in a group."]),
        ("tool copy ", ["---files txt"]),
        ("tool copy a ", ["slow", "fast"]),
        ("tool copy -r 5 a f", ["fast"]),
        ("tool copy --speed ", ["slow", "fast"]),
        ("tool copy a --url-base x", ["x1"]),
        ("tool copy --ver", ["--verbose\tSays more."]),
        ("tool copy --sec", []),
        ("tool copy a -- ", ["---files"]),
        ("tool group wait ", ["--help\tShow help information."]),
        ("tool nonsense ", ["copy\tCopies a file to places.", "group\tCommands in a group.", "--help\tShow help information."]),
    ] as [(String, [String])])
    func next(_ line: String, _ expected: [String]) {
        #expect(candidates(line) == expected)
    }

    @Test("of a request that makes no sense is nothing", arguments: [
        ["---completion"], ["---completion", "x", "tool"], ["---completion", "0", "tool"], ["---completion", "-1", "tool"],
    ])
    func odd(_ words: [String]) {
        do {
            _ = try Tool.parseAsRoot(words)
            Issue.record("it was taken for a command")
        } catch {
            #expect(Tool.fullMessage(for: error).isEmpty && Tool.exitCode(for: error) == .success)
        }
    }

    @Test("asked beyond the last word completes an empty one")
    func beyond() {
        #expect(throws: (any Error).self) { try Tool.parseAsRoot(["---completion", "9", "tool"]) }
    }
}
