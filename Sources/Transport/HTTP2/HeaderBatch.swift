import CNGHTTP2

/// Header fields on their way out, kept in one array until nghttp2 copies them. A value.
///
/// Whatever a handler puts in, what comes out is valid: names are lowered and fields with an impossible name
/// dropped, forbidden bytes in values become spaces (RFC 9110 §5.5), so that no value can start a field of its own.
struct HeaderBatch {
    private var bytes: [UInt8] = []
    private var lengths: [(name: Int, value: Int)] = []

    init() { bytes.reserveCapacity(128) }

    var isEmpty: Bool { lengths.isEmpty }

    mutating func append(_ name: String, _ value: String) {
        let start = bytes.count
        for byte in name.utf8 {
            let lower = byte &- 65 < 26 ? byte | 0x20 : byte
            guard isToken(lower) else {
                bytes.removeLast(bytes.count - start)
                return
            }
            bytes.append(lower)
        }
        let nameLength = bytes.count - start
        guard nameLength > 0 else { return }
        appendValue(value)
        lengths.append((nameLength, bytes.count - start - nameLength))
    }

    /// A pseudo header or another name known to be valid.
    mutating func append(known name: StaticString, _ value: String) {
        bytes.append(contentsOf: name.bytes)
        let start = bytes.count
        appendValue(value)
        lengths.append((name.utf8CodeUnitCount, bytes.count - start))
    }

    private mutating func appendValue(_ value: String) {
        let start = bytes.count
        for byte in value.utf8 {
            let safe = (byte < 0x20 && byte != 9) || byte == 0x7f ? 0x20 : byte
            if (safe == 0x20 || safe == 9), bytes.count == start { continue }
            bytes.append(safe)
        }
        while bytes.count > start, bytes[bytes.count - 1] == 0x20 || bytes[bytes.count - 1] == 9 { bytes.removeLast() }
    }

    /// Runs `body` on the fields; the pointers are valid until it returns.
    func withFields<R>(_ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> R) -> R {
        bytes.withUnsafeBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, lengths.count)) { fields in
                // nghttp2 reads through these pointers and never writes; its types are not const.
                var next = UnsafeMutablePointer(mutating: bytes.baseAddress)
                for (index, length) in lengths.enumerated() {
                    fields.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: next, value: next.map { $0 + length.name }, namelen: length.name,
                            valuelen: length.value, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
                    next = next.map { $0 + length.name + length.value }
                }
                return body(UnsafeMutableBufferPointer(rebasing: fields[..<lengths.count]))
            }
        }
    }

    /// Runs `body` on each field.
    func forEach(_ body: (_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void) {
        var offset = 0
        for length in lengths {
            let middle = offset + length.name
            body(bytes[offset..<middle], bytes[middle..<middle + length.value])
            offset = middle + length.value
        }
    }
}

/// Whether a byte may be part of a header name in lower case (RFC 9110 §5.6.2).
private func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x61...0x7a, 0x30...0x39: true
    case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e, 0x5f, 0x60, 0x7c, 0x7e: true
    default: false
    }
}
