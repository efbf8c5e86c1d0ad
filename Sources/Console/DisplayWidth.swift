/// How many cells of a terminal text takes.
///
/// Source: Unicode Standard Annex #11 (East Asian Width) for the wide ranges; emoji presentation as in Unicode
/// Technical Standard #51. A grapheme is as wide as its widest scalar, so a family emoji joined of four people
/// takes two cells and an accent none.
extension String {
    /// Cells this string takes in one line of a terminal.
    package var displayWidth: Int {
        // Most text is printable ASCII: one cell a byte.
        if utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return utf8.count }
        return reduce(0) { $0 + $1.displayWidth }
    }

    /// The longest start of this string that fits `width` cells, ending in `…` when something was cut off.
    package func truncated(toDisplayWidth width: Int) -> String {
        guard displayWidth > width else { return self }
        guard width > 0 else { return "" }
        var kept = ""
        var used = 0
        for character in self {
            let cells = character.displayWidth
            if used + cells > width - 1 { break }
            kept.append(character)
            used += cells
        }
        return kept + "…"
    }

    /// This string with what could steer a terminal made visible: control characters become their pictures
    /// (`␛` for escape, `␊` for a line feed), directional overrides `�`.
    ///
    /// Names, reasons and values come from files, plugins and apps; none of them may move the cursor or rewrite
    /// what an operator reads.
    package var printable: String {
        guard unicodeScalars.contains(where: \.steersTerminal) else { return self }
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0..<0x20: result.append(Unicode.Scalar(0x2400 + scalar.value)!)
            case 0x7F: result.append("\u{2421}")
            default: result.append(scalar.steersTerminal ? "\u{FFFD}" : scalar)
            }
        }
        return String(result)
    }
}

extension Character {
    fileprivate var displayWidth: Int {
        var width = 0
        for scalar in unicodeScalars {
            // Variation selector 16 asks for the emoji form of the scalar before it.
            width = max(width, scalar.value == 0xFE0F ? 2 : scalar.displayWidth)
        }
        return width
    }
}

extension Unicode.Scalar {
    fileprivate var displayWidth: Int {
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        if value < 0x1100 { return 1 }
        if properties.isEmojiPresentation { return 2 }
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
            0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60,
            0xFFE0...0xFFE6, 0x17000...0x18CFF, 0x1B000...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD:
            return 2
        default:
            return 1
        }
    }

    fileprivate var steersTerminal: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0: true
        // Directional embeddings, overrides and isolates.
        case 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
