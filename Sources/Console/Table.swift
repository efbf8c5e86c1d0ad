/// Rows in aligned columns, with a header.
package struct Table: Sendable {
    /// One column.
    package struct Column: Sendable {
        package enum Alignment: Sendable { case left, right }
        package var title: String
        package var alignment: Alignment
        /// Whether its cells may be cut on a terminal that is too narrow.
        package var canShrink: Bool

        package init(_ title: String, _ alignment: Alignment = .left, canShrink: Bool = false) {
            self.title = title
            self.alignment = alignment
            self.canShrink = canShrink
        }
    }

    /// One cell.
    package struct Cell: Sendable, ExpressibleByStringInterpolation {
        package var text: String
        package var style: Style

        /// - Parameter text: an absent or empty text shows as a dash.
        package init(_ text: String?, _ style: Style = .plain) {
            let printable = text?.printable ?? ""
            self.text = printable.isEmpty ? "–" : printable
            self.style = printable.isEmpty ? .faint : style
        }
        package init(stringLiteral value: String) { self.init(value) }
    }

    package let columns: [Column]
    package private(set) var rows: [[Cell]] = []

    package init(_ columns: [Column]) {
        self.columns = columns
    }

    /// Adds a row; it has a cell for each column.
    package mutating func add(_ cells: Cell...) { add(cells) }

    package mutating func add(_ cells: [Cell]) {
        precondition(cells.count == columns.count, "a row has \(cells.count) cells for \(columns.count) columns")
        rows.append(cells)
    }

    /// The table as text, each line ending in a line feed.
    ///
    /// - Parameters:
    ///   - width: cells of the terminal; shrinkable columns are cut to fit it. nil cuts nothing.
    ///   - colour: whether styles are written.
    package func rendered(width: Int?, colour: Bool) -> String {
        let widths = columnWidths(limit: width)
        var text = line(columns.map { Cell($0.title, .header) }, widths: widths, colour: colour)
        for row in rows { text += line(row, widths: widths, colour: colour) }
        return text
    }

    private static let gap = 2
    /// A shrunk column keeps room for a word.
    private static let leastShrunkWidth = 12

    private func columnWidths(limit: Int?) -> [Int] {
        var widths = columns.indices.map { index in
            rows.reduce(columns[index].title.displayWidth) { max($0, $1[index].text.displayWidth) }
        }
        guard let limit else { return widths }
        var excess = widths.reduce(0, +) + Self.gap * (columns.count - 1) - limit
        while excess > 0 {
            let candidates = columns.indices.filter {
                columns[$0].canShrink && widths[$0] > max(Self.leastShrunkWidth, columns[$0].title.displayWidth)
            }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }

    private func line(_ cells: [Cell], widths: [Int], colour: Bool) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let text = cell.text.truncated(toDisplayWidth: widths[index])
            let padding = String(repeating: " ", count: widths[index] - text.displayWidth)
            let styled = cell.style.applied(to: text, colour: colour)
            let isLast = index + 1 == cells.count
            switch columns[index].alignment {
            case .right: line += padding + styled
            // No blanks at the end of a line.
            case .left: line += isLast ? styled : styled + padding
            }
            if !isLast { line += String(repeating: " ", count: Self.gap) }
        }
        return line + "\n"
    }
}
