import CNGHTTP2

/// Header fields on their way out, kept until nghttp2 copies them. A value.
///
/// Whatever a handler puts in, what comes out is valid: see `HeaderFields`.
struct HeaderBatch {
    /// What every message of the kind begins with, in memory that outlives the connection.
    private var first: UnsafeMutableBufferPointer<nghttp2_nv>
    private var fields: HeaderFields

    /// Fields that another message has, behind the others.
    private var more = HeaderFields()

    /// `first`: fields in memory that is kept until the connection has ended. `memory`: what is in it is forgotten and its memory
    /// used.
    init(
        first: UnsafeMutableBufferPointer<nghttp2_nv> = UnsafeMutableBufferPointer(start: nil, count: 0),
        memory: consuming HeaderFields = HeaderFields()
    ) {
        self.first = first
        fields = memory
        fields.clear()
    }

    /// Fields for `first` in memory of their own; whoever asked for it frees both once no connection uses them. Names and values must be
    /// valid.
    static func lasting(
        _ pairs: [(name: String, value: String)]
    ) -> (fields: UnsafeMutableBufferPointer<nghttp2_nv>, text: UnsafeMutablePointer<UInt8>) {
        let bytes = pairs.flatMap { Array($0.name.utf8) + Array($0.value.utf8) }
        let text = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        _ = text.initialize(from: bytes)
        let list = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: pairs.count)
        var at = text.baseAddress.unsafelyUnwrapped
        for (index, pair) in pairs.enumerated() {
            let (nameLength, valueLength) = (pair.name.utf8.count, pair.value.utf8.count)
            list.initializeElement(
                at: index,
                to: nghttp2_nv(
                    name: at, value: at + nameLength, namelen: nameLength, valuelen: valueLength,
                    flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)))
            at += nameLength + valueLength
        }
        return (list, text.baseAddress.unsafelyUnwrapped)
    }

    /// Ends it; the memory serves the next one.
    consuming func memory() -> HeaderFields { fields }

    mutating func append(_ name: String, _ value: String) { fields.append(name, value) }

    /// A pseudo header or another name known to be valid.
    mutating func append(known name: StaticString, _ value: String) { fields.append(name, value) }

    /// The same with a value known to be valid.
    mutating func append(known name: StaticString, known value: StaticString) { fields.append(known: name, value) }

    /// The first ones are not copied.
    mutating func append(_ other: HeaderFields) {
        if more.isEmpty { more = other } else { more.append(other) }
    }

    /// A field of `HeaderFields`.
    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) { fields.append(name, value) }

    /// Has `body` append fields of its own.
    @inline(__always)
    mutating func append(_ body: (inout HeaderFields) -> Void) { body(&fields) }

    /// Runs `body` on the fields; the pointers are valid until it returns.
    func withFields<R>(_ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> R) -> R {
        let count = first.count + fields.count + more.count
        return withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, count)) { list in
            var next = list.baseAddress.unsafelyUnwrapped
            if let from = first.baseAddress {
                next.initialize(from: from, count: first.count)
                next += first.count
            }
            return fields.withList(at: next) { next in
                more.withList(at: next) { _ in body(UnsafeMutableBufferPointer(rebasing: list[..<count])) }
            }
        }
    }

    /// Runs `body` on each list of fields that it has beside the first, in order.
    func forEachPart(_ body: (HeaderFields) -> Void) {
        body(fields)
        body(more)
    }
}

extension HeaderFields {
    /// Runs `body` with the place behind the fields, written to `first` on as nghttp2 takes them, which reads through the pointers and never writes; its
    /// types are not const.
    @inline(__always)
    fileprivate func withList<R>(at first: UnsafeMutablePointer<nghttp2_nv>, _ body: (UnsafeMutablePointer<nghttp2_nv>) -> R) -> R {
        var next = first
        return withFields { name, value in
            next.initialize(
                to: nghttp2_nv(
                    name: UnsafeMutablePointer(mutating: name.assumingMemoryBound(to: UInt8.self).baseAddress),
                    value: UnsafeMutablePointer(mutating: value.assumingMemoryBound(to: UInt8.self).baseAddress), namelen: name.count,
                    valuelen: value.count, flags: UInt8((isOfOneCall(name) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE).rawValue)))
            next += 1
        } then: { body(next) }
    }

    /// Whether each call has another value: remembered in the tables of HPACK such fields would only drive others out (RFC 7541
    /// §7.1.3 names the form, which costs neither side an entry).
    private func isOfOneCall(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 10: name.equals("tracestate")
        case 11: name.equals("traceparent")
        case 12: name.equals("grpc-timeout")
        case 14: name.equals("grpc-trace-bin")
        default: false
        }
    }
}
