/// The little of protobuf's wire format that the services of this folder need
/// (protobuf.dev/programming-guides/encoding).
enum WireFormat {
    struct Malformed: Error {}

    /// Runs `body` on each length-delimited field of a message; numbers of other kinds are skipped.
    static func forEachField(
        _ message: UnsafeRawBufferPointer, _ body: (_ number: Int, _ bytes: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var offset = 0
        while offset < message.count {
            let tag = try varint(message, &offset)
            switch tag & 7 {
            case 0: _ = try varint(message, &offset)
            case 1: try skip(8, message, &offset)
            case 5: try skip(4, message, &offset)
            case 2:
                guard let length = Int(exactly: try varint(message, &offset)), length <= message.count - offset else {
                    throw Malformed()
                }
                let start = offset
                offset += length
                try body(
                    Int(truncatingIfNeeded: tag >> 3), UnsafeRawBufferPointer(rebasing: message[start..<offset]))
            default: throw Malformed()
            }
        }
    }

    /// The last value of a string field, "" without one (proto3).
    static func string(_ number: Int, in message: UnsafeRawBufferPointer) throws -> String {
        var result = ""
        try forEachField(message) { found, bytes in
            if found == number { result = String(decoding: bytes, as: UTF8.self) }
        }
        return result
    }

    private static func skip(_ count: Int, _ message: UnsafeRawBufferPointer, _ offset: inout Int) throws {
        guard count <= message.count - offset else { throw Malformed() }
        offset += count
    }

    private static func varint(_ message: UnsafeRawBufferPointer, _ offset: inout Int) throws -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < message.count, shift < 64 {
            let byte = message[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw Malformed()
    }

    static func append(varint value: UInt64, to bytes: inout [UInt8]) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    static func append(_ number: Int, varint value: UInt64, to bytes: inout [UInt8]) {
        append(varint: UInt64(number) << 3, to: &bytes)
        append(varint: value, to: &bytes)
    }

    static func append(_ number: Int, _ content: some Collection<UInt8>, to bytes: inout [UInt8]) {
        append(varint: UInt64(number) << 3 | 2, to: &bytes)
        append(varint: UInt64(content.count), to: &bytes)
        bytes.append(contentsOf: content)
    }
}
