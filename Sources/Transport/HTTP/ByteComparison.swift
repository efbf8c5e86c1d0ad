#if canImport(Glibc)
    import Glibc
#endif

/// Comparing what came in with what we know, without making strings of it.
extension UnsafeRawBufferPointer {
    package func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && (count == 0 || memcmp(baseAddress!, text.utf8Start, count) == 0)
    }

    package func hasPrefix(_ text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && memcmp(baseAddress!, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    /// Whether a comma-separated list contains `token` (RFC 9110 §5.6.1), spaces apart.
    func contains(token: StaticString) -> Bool { containsPart { $0.equals(token) } }
}

/// Whether a byte may be part of a token, such as the name of a field (RFC 9110 §5.6.2).
func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x61...0x7a, 0x41...0x5a, 0x30...0x39: true
    case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e, 0x5f, 0x60, 0x7c, 0x7e: true
    default: false
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes, in lower case, are `text`.
    func lowercasedEquals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        let text = text.bytes
        for index in 0..<count where (self[index] &- 65 < 26 ? self[index] | 0x20 : self[index]) != text[index] { return false }
        return true
    }

    /// Whether a comma-separated list contains `token`, whatever its case.
    func contains(lowercasing token: StaticString) -> Bool { containsPart { $0.lowercasedEquals(token) } }

    /// Whether a part of a comma-separated list, without spaces around, is what `isIt` says.
    @inline(__always)
    fileprivate func containsPart(_ isIt: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        var start = 0
        while start <= count {
            let end = self[start...].firstIndex(of: UInt8(ascii: ",")) ?? count
            var (from, to) = (start, end)
            while from < to, self[from] == 0x20 || self[from] == 9 { from += 1 }
            while to > from, self[to - 1] == 0x20 || self[to - 1] == 9 { to -= 1 }
            if isIt(UnsafeRawBufferPointer(rebasing: self[from..<to])) { return true }
            start = end + 1
        }
        return false
    }
}
