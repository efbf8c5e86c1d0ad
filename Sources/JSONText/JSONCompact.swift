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

/// A JSON text that was checked, without the white space outside strings. Costs one allocation, and one
/// copy for each stretch without such white space: most senders leave none.
package func compactJSON(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytes.count) { out, count in
        let out = UnsafeMutableRawBufferPointer(out)
        func copy(_ start: Int, _ end: Int) {
            guard start < end else { return }
            UnsafeMutableRawBufferPointer(rebasing: out[count...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            count += end - start
        }
        var start = 0
        var at = 0
        while at < bytes.count {
            switch bytes[at] {
            case 0x22:
                at += 1
                while true {
                    at = endOfPlainRun(bytes, from: at)
                    guard at < bytes.count, bytes[at] != 0x22 else { break }
                    at += bytes[at] == 0x5c ? 2 : 1
                }
                at += 1
            case 0x20, 0x0a, 0x0d, 0x09:
                copy(start, at)
                at += 1
                start = at
            default: at += 1
            }
        }
        copy(start, bytes.count)
    }
}
