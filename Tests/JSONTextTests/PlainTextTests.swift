import Testing

@testable import JSONText

@Suite("Plain JSON text")
struct PlainTextTests {
    /// Every byte at every place of texts of up to three words, beside a look at each byte.
    @Test("is what a look at each byte finds", arguments: [false, true])
    func runs(escapesHTML: Bool) {
        func ends(_ byte: UInt8) -> Bool {
            byte < 0x20 || byte >= 0x80 || byte == 0x22 || byte == 0x5c || escapesHTML && [0x3c, 0x3e, 0x26].contains(byte)
        }
        for count in [1, 7, 8, 9, 16, 23] {
            for place in 0..<count {
                for byte in UInt8.min...UInt8.max {
                    for rest: UInt8 in [0x61, 0x20, 0x7f] {
                        var text = [UInt8](repeating: rest, count: count)
                        text[place] = byte
                        text.withUnsafeBytes { bytes in
                            let end = endOfPlainRun(bytes, from: 0, escapesHTML: escapesHTML)
                            let tail = count / 8 * 8
                            let expected = ends(byte) && place < tail ? place : tail
                            if end != expected { Issue.record("byte \(byte) at \(place) of \(count): \(end)") }
                            if !escapesHTML, isPlainJSONText(bytes) != !ends(byte) {
                                Issue.record("byte \(byte) at \(place) of \(count) is judged wrongly")
                            }
                        }
                    }
                }
            }
        }
        #expect(isPlainJSONText(UnsafeRawBufferPointer(start: nil, count: 0)))
    }

    @Test("is escaped for HTML at each place", arguments: ["<", ">", "&", "\u{2028}", "\u{2029}"])
    func html(mark: String) throws {
        let code = mark.unicodeScalars.first.map { String($0.value, radix: 16) } ?? ""
        let escaped = "\\u" + String(repeating: "0", count: 4 - code.count) + code
        for before in 0..<18 {
            for after in 0..<10 {
                let sides = (String(repeating: "a", count: before), String(repeating: "b", count: after))
                var writer = JSONWriter(JSONWriter.Style(escapesHTML: true))
                writer.string(sides.0 + mark + sides.1)
                #expect(String(decoding: writer.bytes, as: UTF8.self) == "\"\(sides.0)\(escaped)\(sides.1)\"")
            }
        }
    }
}
