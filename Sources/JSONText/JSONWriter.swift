/// Writes JSON into bytes. Commas and line breaks are its business; that braces match is the caller's.
package struct JSONWriter {
    /// How texts and lines are written.
    package struct Style: Sendable {
        /// Spaces for each level, and a line for each member and item; nil is all in one line.
        package var indentation: Int?
        /// Writes `<`, `>`, `&`, U+2028 and U+2029 as `\u003c` and so on, as Go's encoder does unless told
        /// otherwise: for replies that must be like Dapr's byte for byte.
        package var escapesHTML: Bool

        package init(indentation: Int? = nil, escapesHTML: Bool = false) {
            self.indentation = indentation
            self.escapesHTML = escapesHTML
        }

        package static let compact = Style()
        package static let pretty = Style(indentation: 2)
    }

    package private(set) var bytes: [UInt8] = []
    private let style: Style
    private var needsComma = false
    private var depth = 0
    /// A name was written: its value goes on the same line.
    private var follows = true

    package init(reserving capacity: Int = 256, _ style: Style = .compact) {
        self.style = style
        bytes.reserveCapacity(capacity)
    }

    private mutating func separate() {
        if needsComma { bytes.append(0x2c) }
        if style.indentation != nil, !follows { breakLine() }
        needsComma = true
        follows = false
    }

    private mutating func breakLine() {
        bytes.append(0x0a)
        bytes.append(contentsOf: repeatElement(0x20, count: depth * (style.indentation ?? 0)))
    }

    package mutating func beginObject() { open(0x7b) }
    package mutating func endObject() { close(0x7d) }
    package mutating func beginArray() { open(0x5b) }
    package mutating func endArray() { close(0x5d) }

    private mutating func open(_ byte: UInt8) {
        separate()
        bytes.append(byte)
        needsComma = false
        depth += 1
    }

    private mutating func close(_ byte: UInt8) {
        depth -= 1
        // Nothing inside: both brackets on one line.
        if style.indentation != nil, needsComma { breakLine() }
        bytes.append(byte)
        needsComma = true
    }

    package mutating func name(_ name: String) {
        separate()
        quote(name)
        bytes.append(0x3a)
        if style.indentation != nil { bytes.append(0x20) }
        needsComma = false
        follows = true
    }

    package mutating func string(_ text: String) {
        separate()
        quote(text)
    }

    package mutating func integer(_ number: Int) {
        separate()
        var number = number
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            let isNegative = number < 0
            repeat {
                start -= 1
                digits[start] = 0x30 + UInt8((number % 10).magnitude)
                number /= 10
            } while number != 0
            if isNegative {
                start -= 1
                digits[start] = 0x2d
            }
            bytes.append(contentsOf: digits[start..<20])
        }
    }

    package mutating func bool(_ flag: Bool) {
        separate()
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Text that is JSON already. It is not made pretty.
    package mutating func raw(_ json: UnsafeRawBufferPointer) {
        separate()
        bytes.append(contentsOf: json)
    }

    package mutating func member(_ name: String, _ text: String) {
        self.name(name)
        string(text)
    }

    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let flag): bool(flag)
        case .number(let text):
            separate()
            bytes.append(contentsOf: text.utf8)
        case .string(let text): string(text)
        case .array(let items):
            beginArray()
            for item in items { self.value(item) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                name(member.name)
                self.value(member.value)
            }
            endObject()
        }
    }

    private mutating func quote(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            JSONEscaping.append(UnsafeRawBufferPointer(utf8), to: &bytes, escapesHTML: style.escapesHTML)
        }
    }
}
