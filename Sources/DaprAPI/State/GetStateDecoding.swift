/// The usual `GetStateRequest`, read without copying: store name, key, consistency. Anything else in it
/// (metadata, unknown fields, text that is not ASCII) is left to `ProtoReader`.
struct GetStateDecoding {
    var store = UnsafeRawBufferPointer(start: nil, count: 0)
    var key = UnsafeRawBufferPointer(start: nil, count: 0)
    var consistency: Int32 = 0

    init?(_ bytes: UnsafeRawBufferPointer) {
        var at = 0
        while at < bytes.count {
            let tag = bytes[at]
            at += 1
            switch tag {
            case 0x0a:
                guard let text = GetStateDecoding.text(bytes, &at) else { return nil }
                store = text
            case 0x12:
                guard let text = GetStateDecoding.text(bytes, &at) else { return nil }
                key = text
            case 0x18:
                guard at < bytes.count, bytes[at] <= 2 else { return nil }
                consistency = Int32(bytes[at])
                at += 1
            default: return nil
            }
        }
    }

    /// A length-delimited field of ASCII text shorter than 16 KiB.
    private static func text(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) -> UnsafeRawBufferPointer? {
        guard at < bytes.count else { return nil }
        var length = Int(bytes[at])
        at += 1
        if length >= 0x80 {
            guard at < bytes.count, bytes[at] < 0x80 else { return nil }
            length = length & 0x7f | Int(bytes[at]) << 7
            at += 1
        }
        guard length <= bytes.count - at else { return nil }
        let text = UnsafeRawBufferPointer(rebasing: bytes[at..<at + length])
        at += length
        var index = 0
        while index + 8 <= text.count {
            if text.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { return nil }
            index += 8
        }
        while index < text.count {
            if text[index] >= 0x80 { return nil }
            index += 1
        }
        return text
    }
}
