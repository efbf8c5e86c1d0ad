import Foundation

/// The text that newcomers follow, taken apart.
struct Readme {
    /// A block between fences: its language, empty when none is named, and its lines.
    struct Block {
        var heading: String
        var language: String
        var text: String

        /// Commands of a list `command   what it does`.
        var commands: [String] {
            text.split(separator: "\n").map { line in
                (line.range(of: "   ").map { line[..<$0.lowerBound] } ?? line).trimmingCharacters(in: .whitespaces)
            }
        }
    }

    let blocks: [Block]

    init() throws {
        let text = try String(contentsOfFile: Places.package + "/README.md", encoding: .utf8)
        var blocks: [Block] = []
        var heading = ""
        var open: Block?
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                if let done = open {
                    blocks.append(done)
                    open = nil
                } else {
                    open = Block(heading: heading, language: String(line.dropFirst(3)), text: "")
                }
            } else if open != nil {
                open?.text += line + "\n"
            } else if line.hasPrefix("#") {
                heading = line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces)
            }
        }
        self.blocks = blocks
    }

    /// The blocks under a heading; throws when there are none, so that a renamed heading is noticed.
    func blocks(under heading: String) throws -> [Block] {
        let found = blocks.filter { $0.heading == heading }
        guard !found.isEmpty else { throw Trouble("README.md has no blocks under '\(heading)'") }
        return found
    }
}
