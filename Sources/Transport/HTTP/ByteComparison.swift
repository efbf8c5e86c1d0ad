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
    func contains(token: StaticString) -> Bool {
        split(separator: UInt8(ascii: ",")).contains { part in
            var trimmed = part
            while let first = trimmed.first, first == 0x20 || first == 9 { trimmed.removeFirst() }
            while let last = trimmed.last, last == 0x20 || last == 9 { trimmed.removeLast() }
            return UnsafeRawBufferPointer(rebasing: trimmed).equals(token)
        }
    }
}
