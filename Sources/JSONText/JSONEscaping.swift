/// Puts UTF-8 text into quotes (RFC 8259 §7).
enum JSONEscaping {
    /// What a byte becomes: 0 stays, `u` is `\u00…`, anything else follows a backslash. 1 asks to look at
    /// the bytes behind it: U+2028 and U+2029 start with 0xe2.
    private static func code(_ byte: UInt8, escapesHTML: Bool) -> UInt8 {
        switch byte {
        case 0x22, 0x5c: byte
        case 0x0a: UInt8(ascii: "n")
        case 0x0d: UInt8(ascii: "r")
        case 0x09: UInt8(ascii: "t")
        case 0..<0x20: UInt8(ascii: "u")
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"): escapesHTML ? UInt8(ascii: "u") : 0
        case 0xe2: escapesHTML ? 1 : 0
        default: 0
        }
    }

    /// Appends the text in quotes; stretches without escapes are copied whole.
    static func append(_ text: UnsafeRawBufferPointer, to out: inout [UInt8], escapesHTML: Bool) {
        out.reserveCapacity(out.count + text.count + 2)
        out.append(0x22)
        var start = 0
        var at = 0
        while at < text.count {
            at = endOfPlainRun(text, from: at, escapesHTML: escapesHTML)
            if at == text.count { break }
            let code = code(text[at], escapesHTML: escapesHTML)
            if code == 0 {
                at += 1
                continue
            }
            if code == 1 {
                guard at + 2 < text.count, text[at + 1] == 0x80, text[at + 2] & 0xfe == 0xa8 else {
                    at += 1
                    continue
                }
                out.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<at]))
                out.append(contentsOf: "\\u202".utf8)
                out.append(text[at + 2] == 0xa8 ? UInt8(ascii: "8") : UInt8(ascii: "9"))
                at += 3
            } else {
                out.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<at]))
                out.append(0x5c)
                out.append(code)
                if code == UInt8(ascii: "u") {
                    out.append(0x30)
                    out.append(0x30)
                    out.append(hexadecimal(text[at] >> 4))
                    out.append(hexadecimal(text[at] & 15))
                }
                at += 1
            }
            start = at
        }
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start...]))
        out.append(0x22)
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 { digit < 10 ? 0x30 + digit : 0x57 + digit }
}
