/// The text of a string that `JSONScanner.string()` has checked.
package func unescapedJSON(_ raw: UnsafeRawBufferPointer, hasEscapes: Bool) -> String {
    guard hasEscapes else { return String(decoding: raw, as: UTF8.self) }
    var out: [UInt8] = []
    out.reserveCapacity(raw.count)
    var at = 0
    while at < raw.count {
        guard raw[at] == 0x5c else {
            out.append(raw[at])
            at += 1
            continue
        }
        at += 2
        switch raw[at - 1] {
        case 0x62: out.append(0x08)
        case 0x66: out.append(0x0c)
        case 0x6e: out.append(0x0a)
        case 0x72: out.append(0x0d)
        case 0x74: out.append(0x09)
        case 0x75:
            var scalar = unit(raw, at)
            at += 4
            if (0xd800...0xdbff).contains(scalar) {
                scalar = 0x10000 + (scalar - 0xd800) << 10 + (unit(raw, at + 2) - 0xdc00)
                at += 6
            }
            out.append(contentsOf: UTF8.encode(Unicode.Scalar(scalar) ?? "\u{fffd}").unsafelyUnwrapped)
        case let plain: out.append(plain)
        }
    }
    return String(decoding: out, as: UTF8.self)
}

private func unit(_ raw: UnsafeRawBufferPointer, _ at: Int) -> UInt32 {
    raw[at..<at + 4].reduce(0) { $0 << 4 | (JSONScanner.hexadecimalDigit($1) ?? 0) }
}
