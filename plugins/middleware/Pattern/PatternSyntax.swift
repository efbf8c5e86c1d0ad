import PluginKit

/// A set of bytes.
struct ByteSet {
    private var low: (UInt64, UInt64) = (0, 0)
    private var high: (UInt64, UInt64) = (0, 0)

    func contains(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) << UInt64(byte & 63)
        return switch byte >> 6 {
        case 0: low.0 & bit != 0
        case 1: low.1 & bit != 0
        case 2: high.0 & bit != 0
        default: high.1 & bit != 0
        }
    }

    mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: low.0 |= bit
        case 1: low.1 |= bit
        case 2: high.0 |= bit
        default: high.1 |= bit
        }
    }

    mutating func insert(_ from: UInt8, _ to: UInt8) { for byte in from...to { insert(byte) } }

    mutating func insert(_ other: ByteSet) {
        low.0 |= other.low.0
        low.1 |= other.low.1
        high.0 |= other.high.0
        high.1 |= other.high.1
    }

    var inverted: ByteSet {
        var set = ByteSet()
        (set.low, set.high) = ((~low.0, ~low.1), (~high.0, ~high.1))
        return set
    }

    /// With both cases of each letter.
    var folded: ByteSet {
        var set = self
        for letter in UInt8(0x61)...0x7A where contains(letter) || contains(letter & 0xDF) {
            set.insert(letter)
            set.insert(letter & 0xDF)
        }
        return set
    }
}

/// What a pattern says.
indirect enum PatternNode {
    case empty
    case bytes(ByteSet)
    case begin, end, boundary, noBoundary
    case sequence([PatternNode])
    case either([PatternNode])
    /// `most` nil: any number.
    case repeated(PatternNode, least: Int, most: Int?)
}

/// Reads the syntax of RE2, as far as it is about bytes: no classes of Unicode (`\p`), no names of POSIX but those below, and no flags but
/// `(?i)` and `(?s)` at the beginning.
struct PatternParser {
    private let text: [UInt8]
    private var at = 0
    private var depth = 0
    private var ignoresCase = false
    private var dotIsAll = false

    /// As RE2 has it.
    private static let mostRepeats = 1000
    private static let deepest = 100

    static func parse(_ text: [UInt8]) throws(PluginError) -> PatternNode {
        var parser = PatternParser(text)
        try parser.flags()
        let node = try parser.alternatives()
        if parser.at < text.count { throw parser.wrong("a ) has no ( before it") }
        return node
    }

    private init(_ text: [UInt8]) { self.text = text }

    private func wrong(_ cause: StaticString) -> PluginError {
        .invalid("the pattern is wrong at byte \(at): \(Str(cause).string)")
    }

    private var next: UInt8? { at < text.count ? text[at] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        at += 1
        return true
    }

    private mutating func flags() throws(PluginError) {
        guard text.count > 3, text[0] == 0x28, text[1] == 0x3F, text[2] != 0x3A, text[2] != 0x50, text[2] != 0x3C else { return }
        at = 2
        while let flag = next, flag != 0x29 {
            switch flag {
            case 0x69: ignoresCase = true
            case 0x73: dotIsAll = true
            default: throw wrong("no flags but i and s are known")
            }
            at += 1
        }
        at += 1
    }

    private mutating func alternatives() throws(PluginError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.deepest else { throw wrong("it is nested too deep") }
        var all = [try sequence()]
        while take(0x7C) { all.append(try sequence()) }
        return all.count == 1 ? all[0] : .either(all)
    }

    private mutating func sequence() throws(PluginError) -> PatternNode {
        var all: [PatternNode] = []
        while let byte = next, byte != 0x7C, byte != 0x29 { all.append(try repeated()) }
        return all.count == 1 ? all[0] : .sequence(all)
    }

    private mutating func repeated() throws(PluginError) -> PatternNode {
        let node = try atom()
        var isRepeated = false
        var result = node
        while let byte = next {
            let least: Int, most: Int?
            switch byte {
            case 0x2A: (least, most) = (0, nil)
            case 0x2B: (least, most) = (1, nil)
            case 0x3F: (least, most) = (0, 1)
            case 0x7B:
                guard let counts = counts() else { return result }
                (least, most) = counts
                guard least <= Self.mostRepeats, most ?? 0 <= Self.mostRepeats, most ?? least >= least else { throw wrong("the count is not possible") }
            default: return result
            }
            if byte != 0x7B { at += 1 }
            if isRepeated { throw wrong("a repetition is repeated") }
            isRepeated = true
            // Lazy or not: it is the same to match.
            _ = take(0x3F)
            result = .repeated(node, least: least, most: most)
        }
        return result
    }

    /// `{2}`, `{2,}` or `{2,3}`; anything else is the brace itself.
    private mutating func counts() -> (Int, Int?)? {
        let start = at
        func fail(_ parser: inout PatternParser) -> (Int, Int?)? {
            parser.at = start
            return nil
        }
        at += 1
        guard let least = number() else { return fail(&self) }
        if take(0x7D) { return (least, least) }
        guard take(0x2C) else { return fail(&self) }
        if take(0x7D) { return (least, nil) }
        guard let most = number(), take(0x7D) else { return fail(&self) }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next, digit >= 0x30, digit <= 0x39, value ?? 0 < 100_000 {
            value = (value ?? 0) * 10 + Int(digit - 0x30)
            at += 1
        }
        return value
    }

    private func set(_ set: ByteSet) -> PatternNode { .bytes(ignoresCase ? set.folded : set) }

    private mutating func atom() throws(PluginError) -> PatternNode {
        let byte = text[at]
        let startsCount = byte == 0x7B
        at += 1
        switch byte {
        case 0x28: return try group()
        case 0x5B: return set(try list())
        case 0x2E:
            var newline = ByteSet()
            if !dotIsAll { newline.insert(0x0A) }
            return .bytes(newline.inverted)
        case 0x5E: return .begin
        case 0x24: return .end
        case 0x2A, 0x2B, 0x3F: throw wrong("there is nothing to repeat")
        case 0x5C: return try escape()
        default:
            _ = startsCount
            var one = ByteSet()
            one.insert(byte)
            return set(one)
        }
    }

    private mutating func group() throws(PluginError) -> PatternNode {
        if take(0x3F) {
            // (?:…), (?P<name>…) and (?<name>…) are groups; others are not.
            if !take(0x3A) {
                _ = take(0x50)
                guard take(0x3C), next != 0x3D, next != 0x21 else { throw wrong("no groups but (?:…) and named ones are known") }
                while let byte = next, byte != 0x3E { at += byte == 0x29 ? text.count : 1 }
                guard take(0x3E) else { throw wrong("the name of a group does not end") }
            }
        }
        let node = try alternatives()
        guard take(0x29) else { throw wrong("a ( has no ) behind it") }
        return node
    }

    private mutating func escape() throws(PluginError) -> PatternNode {
        guard let byte = next else { throw wrong("nothing follows the \\") }
        switch byte {
        case 0x41: at += 1; return .begin
        case 0x7A: at += 1; return .end
        case 0x62: at += 1; return .boundary
        case 0x42: at += 1; return .noBoundary
        default: return set(try escapedSet())
        }
    }

    static var word: ByteSet {
        var set = ByteSet()
        set.insert(0x30, 0x39)
        set.insert(0x41, 0x5A)
        set.insert(0x61, 0x7A)
        set.insert(0x5F)
        return set
    }

    /// What stands behind a backslash, in and outside of a class.
    private mutating func escapedSet() throws(PluginError) -> ByteSet {
        guard let byte = next else { throw wrong("nothing follows the \\") }
        at += 1
        var set = ByteSet()
        switch byte {
        case 0x64, 0x44: set.insert(0x30, 0x39)
        case 0x77, 0x57: set = Self.word
        case 0x73, 0x53: for space in [0x09, 0x0A, 0x0C, 0x0D, 0x20] as [UInt8] { set.insert(space) }
        case 0x6E: set.insert(0x0A)
        case 0x72: set.insert(0x0D)
        case 0x74: set.insert(0x09)
        case 0x66: set.insert(0x0C)
        case 0x76: set.insert(0x0B)
        case 0x61: set.insert(0x07)
        case 0x78: set.insert(try hexadecimal())
        default:
            let isLetter = (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte >= 0x80
            if isLetter { throw wrong("this letter means nothing behind a \\") }
            set.insert(byte)
        }
        return byte == 0x44 || byte == 0x57 || byte == 0x53 ? set.inverted : set
    }

    private mutating func hexadecimal() throws(PluginError) -> UInt8 {
        var value: UInt8 = 0
        for _ in 0..<2 {
            guard let digit = next else { throw wrong("two hexadecimal digits follow \\x") }
            switch digit {
            case 0x30...0x39: value = value << 4 | (digit - 0x30)
            case 0x41...0x46, 0x61...0x66: value = value << 4 | ((digit | 0x20) - 0x57)
            default: throw wrong("two hexadecimal digits follow \\x")
            }
            at += 1
        }
        return value
    }

    /// A class, behind its bracket.
    private mutating func list() throws(PluginError) -> ByteSet {
        var set = ByteSet()
        let isInverted = take(0x5E)
        var isFirst = true
        while true {
            guard let byte = next else { throw wrong("a [ has no ] behind it") }
            if byte == 0x5D, !isFirst { break }
            isFirst = false
            if byte == 0x5B, at + 1 < text.count, text[at + 1] == 0x3A { throw wrong("classes of POSIX are not known; write \\d, \\w or \\s") }
            let (low, one) = try member()
            guard let low, next == 0x2D, at + 1 < text.count, text[at + 1] != 0x5D else {
                set.insert(one)
                continue
            }
            at += 1
            guard let high = try member().byte, high >= low else { throw wrong("the range of a class is not possible") }
            set.insert(low, high)
        }
        at += 1
        if ignoresCase { set = set.folded }
        return isInverted ? set.inverted : set
    }

    /// One member of a class; `byte` when it is a single one.
    private mutating func member() throws(PluginError) -> (byte: UInt8?, set: ByteSet) {
        guard let byte = next else { throw wrong("a [ has no ] behind it") }
        at += 1
        guard byte == 0x5C else {
            var set = ByteSet()
            set.insert(byte)
            return (byte, set)
        }
        let set = try escapedSet()
        var only: UInt8?
        for byte in UInt8.min...UInt8.max where set.contains(byte) {
            if only != nil { return (nil, set) }
            only = byte
        }
        return (only, set)
    }
}
