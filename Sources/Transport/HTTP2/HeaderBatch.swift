import CNGHTTP2

/// Header fields on their way out, kept until nghttp2 copies them. A value.
///
/// Whatever a handler puts in, what comes out is valid: see `HeaderFields`.
struct HeaderBatch {
    private(set) var fields = HeaderFields()

    init() { fields.reserveCapacity(12, bytes: 320) }

    var isEmpty: Bool { fields.isEmpty }

    mutating func append(_ name: String, _ value: String) { fields.append(name, value) }

    /// A pseudo header or another name known to be valid.
    mutating func append(known name: StaticString, _ value: String) { fields.append(name, value) }

    mutating func append(_ other: HeaderFields) { fields.append(other) }

    /// A field of `HeaderFields`.
    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) { fields.append(name, value) }

    /// Runs `body` on the fields; the pointers are valid until it returns.
    func withFields<R>(_ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> R) -> R {
        fields.bytes.withUnsafeBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, fields.count)) { list in
                // nghttp2 reads through these pointers and never writes; its types are not const.
                let base = UnsafeMutablePointer(mutating: bytes.baseAddress)
                for (index, field) in fields.fields.enumerated() {
                    let name = base.map { $0 + Int(field.start) }
                    list.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: name, value: name.map { $0 + Int(field.nameLength) }, namelen: Int(field.nameLength),
                            valuelen: Int(field.valueLength), flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
                }
                return body(UnsafeMutableBufferPointer(rebasing: list[..<fields.count]))
            }
        }
    }
}
