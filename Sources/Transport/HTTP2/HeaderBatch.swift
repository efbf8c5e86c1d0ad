import CNGHTTP2

/// Header fields on their way out, kept until nghttp2 copies them. A value.
///
/// Whatever a handler puts in, what comes out is valid: see `HeaderFields`.
struct HeaderBatch {
    private var fields = HeaderFields()

    /// Fields that another message has, behind the others.
    private var more = HeaderFields()

    init() { fields.reserveCapacity(8, bytes: 192) }

    mutating func append(_ name: String, _ value: String) { fields.append(name, value) }

    /// A pseudo header or another name known to be valid.
    mutating func append(known name: StaticString, _ value: String) { fields.append(name, value) }

    /// The first ones are not copied.
    mutating func append(_ other: HeaderFields) {
        if more.isEmpty { more = other } else { more.append(other) }
    }

    /// A field of `HeaderFields`.
    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) { fields.append(name, value) }

    /// Runs `body` on the fields; the pointers are valid until it returns.
    func withFields<R>(_ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> R) -> R {
        let count = fields.count + more.count
        return withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, count)) { list in
            fields.bytes.withUnsafeBufferPointer { bytes in
                Self.point(list.baseAddress.unsafelyUnwrapped, at: bytes, fields)
                return more.bytes.withUnsafeBufferPointer { bytes in
                    Self.point(list.baseAddress.unsafelyUnwrapped + fields.count, at: bytes, more)
                    return body(UnsafeMutableBufferPointer(rebasing: list[..<count]))
                }
            }
        }
    }

    /// nghttp2 reads through these pointers and never writes; its types are not const.
    private static func point(_ list: UnsafeMutablePointer<nghttp2_nv>, at bytes: UnsafeBufferPointer<UInt8>, _ fields: HeaderFields) {
        let base = UnsafeMutablePointer(mutating: bytes.baseAddress)
        var next = list
        for field in fields.fields {
            let name = base.map { $0 + Int(field.start) }
            next.initialize(
                to: nghttp2_nv(
                    name: name, value: name.map { $0 + Int(field.nameLength) }, namelen: Int(field.nameLength),
                    valuelen: Int(field.valueLength), flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
            next += 1
        }
    }

    /// Runs `body` on each list of fields, in order.
    func forEachPart(_ body: (HeaderFields) -> Void) {
        body(fields)
        body(more)
    }
}
