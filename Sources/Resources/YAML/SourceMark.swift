/// A place in a text file. Both numbers start at 1; the column counts characters.
package struct SourceMark: Sendable, Equatable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// A place in a named file; `file:line:column` in messages, which editors and terminals can follow.
package struct SourceLocation: Sendable, Equatable, CustomStringConvertible {
    package var file: String
    package var mark: SourceMark

    package init(file: String, mark: SourceMark) {
        self.file = file
        self.mark = mark
    }

    package var description: String { "\(file):\(mark.line):\(mark.column)" }
}
