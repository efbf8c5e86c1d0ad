extension DaprDescriptors {
    /// Each file as the bytes of a `google.protobuf.FileDescriptorProto`.
    package static func decoded() -> [[UInt8]] { files.map { decode($0.base64) } }

    /// Our own constants: well-formed Base64.
    private static func decode(_ text: StaticString) -> [UInt8] {
        text.withUTF8Buffer { letters in
            var out: [UInt8] = []
            out.reserveCapacity(letters.count / 4 * 3)
            var word: UInt32 = 0
            var count = 0
            for letter in letters {
                let value: UInt8
                switch letter {
                case 0x41...0x5a: value = letter - 0x41
                case 0x61...0x7a: value = letter - 0x61 + 26
                case 0x30...0x39: value = letter - 0x30 + 52
                case 0x2b: value = 62
                case 0x2f: value = 63
                default: continue
                }
                word = word << 6 | UInt32(value)
                count += 1
                if count == 4 {
                    out += [UInt8(truncatingIfNeeded: word >> 16), UInt8(truncatingIfNeeded: word >> 8), UInt8(truncatingIfNeeded: word)]
                    word = 0
                    count = 0
                }
            }
            if count == 3 { out += [UInt8(truncatingIfNeeded: word >> 10), UInt8(truncatingIfNeeded: word >> 2)] }
            if count == 2 { out.append(UInt8(truncatingIfNeeded: word >> 4)) }
            return out
        }
    }
}
