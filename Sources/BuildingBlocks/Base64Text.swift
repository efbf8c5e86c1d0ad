import COpenSSL

/// Base64 (RFC 4648 §4, with padding) by OpenSSL.
package enum Base64Text {
    package static func size(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// The text, with `suffix` behind it.
    package static func encode(_ bytes: [UInt8], suffix: [UInt8]) -> [UInt8] {
        let size = size(bytes.count)
        return [UInt8](unsafeUninitializedCapacity: size + suffix.count + 1) { out, count in
            let start = out.baseAddress.unsafelyUnwrapped
            // It ends its text with a zero byte, which the suffix overwrites.
            _ = EVP_EncodeBlock(start, bytes, Int32(bytes.count))
            for (index, byte) in suffix.enumerated() { start[size + index] = byte }
            count = size + suffix.count
        }
    }

    /// `nil` for anything that is not padded Base64, white space included.
    package static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard !text.isEmpty, text.count % 4 == 0, text.allSatisfy({ $0 > 0x20 }), let from = text.baseAddress else {
            return nil
        }
        let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var written: Int32 = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { out, count in
            written = EVP_DecodeBlock(out.baseAddress, from.assumingMemoryBound(to: UInt8.self), Int32(text.count))
            // It counts what the padding stands for, too.
            count = max(0, Int(written) - padding)
        }
        return written >= 0 ? bytes : nil
    }

    /// The text of bytes, as it stands in JSON.
    package static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        guard let from = bytes.baseAddress, !bytes.isEmpty else { return "" }
        return String(unsafeUninitializedCapacity: size(bytes.count) + 1) { room in
            Int(EVP_EncodeBlock(room.baseAddress, from.assumingMemoryBound(to: UInt8.self), Int32(clamping: bytes.count)))
        }
    }
}
