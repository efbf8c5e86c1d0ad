/// Whether the bytes are one JSON value and nothing else.
package func isJSON(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var scanner = JSONScanner(bytes)
    do throws(JSONError) {
        try scanner.skipValue()
        try scanner.finish()
        return true
    } catch {
        return false
    }
}

/// A JSON text that was checked, without the white space outside strings.
package func compactJSON(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    var inString = false
    var escaped = false
    for byte in bytes {
        if inString {
            out.append(byte)
            if escaped {
                escaped = false
            } else if byte == 0x5c {
                escaped = true
            } else if byte == 0x22 {
                inString = false
            }
        } else if byte != 0x20, byte != 0x0a, byte != 0x0d, byte != 0x09 {
            inString = byte == 0x22
            out.append(byte)
        }
    }
    return out
}
