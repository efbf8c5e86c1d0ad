import PluginKit

/// The metadata of a message as a JSON object of texts, as Dapr writes it into the entry.
enum MetadataText {
    static func write(_ pairs: octavo_list) -> [UInt8] {
        var bytes: [UInt8] = [0x7B]
        for index in 0..<Int(pairs.count) {
            let pair = pairs.at(index, as: octavo_pair.self)
            if index > 0 { bytes.append(0x2C) }
            string(pair.pointee.name, &bytes)
            bytes.append(0x3A)
            string(pair.pointee.value, &bytes)
        }
        bytes.append(0x7D)
        return bytes
    }

    private static func string(_ text: Str, _ bytes: inout [UInt8]) {
        bytes.append(0x22)
        for byte in text.raw {
            switch byte {
            case 0x22, 0x5C:
                bytes.append(0x5C)
                bytes.append(byte)
            case 0..<0x20:
                for digit in "\\u00".utf8 { bytes.append(digit) }
                bytes.append(byte >> 4 == 0 ? 0x30 : 0x31)
                bytes.append(byte & 15 < 10 ? 0x30 + (byte & 15) : 0x57 + (byte & 15))
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }

    /// The pairs of a flat object of texts, in the order of the text; `nil` when it is anything else.
    static func read(_ text: Str) -> [([UInt8], [UInt8])]? {
        var pairs: [([UInt8], [UInt8])] = []
        let bytes = text.raw
        var at = 0
        func skip() { while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 } }
        func take(_ byte: UInt8) -> Bool {
            skip()
            guard at < bytes.count, bytes[at] == byte else { return false }
            at += 1
            return true
        }
        func hexadecimal() -> UInt32? {
            guard at + 4 <= bytes.count else { return nil }
            var value: UInt32 = 0
            for _ in 0..<4 {
                let byte = bytes[at]
                at += 1
                switch byte {
                case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
                case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
                case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
                default: return nil
                }
            }
            return value
        }
        func string() -> [UInt8]? {
            guard take(0x22) else { return nil }
            var out: [UInt8] = []
            while at < bytes.count {
                let byte = bytes[at]
                at += 1
                if byte == 0x22 { return out }
                guard byte == 0x5C else {
                    out.append(byte)
                    continue
                }
                guard at < bytes.count else { return nil }
                let escape = bytes[at]
                at += 1
                switch escape {
                case 0x22, 0x5C, 0x2F: out.append(escape)
                case 0x62: out.append(8)
                case 0x66: out.append(12)
                case 0x6E: out.append(10)
                case 0x72: out.append(13)
                case 0x74: out.append(9)
                case 0x75:
                    guard var unit = hexadecimal() else { return nil }
                    if unit >= 0xD800, unit < 0xDC00 {
                        guard at + 2 <= bytes.count, bytes[at] == 0x5C, bytes[at + 1] == 0x75 else { return nil }
                        at += 2
                        guard let low = hexadecimal(), low >= 0xDC00, low < 0xE000 else { return nil }
                        unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                    } else if unit >= 0xDC00, unit < 0xE000 {
                        return nil
                    }
                    utf8(unit, &out)
                default: return nil
                }
            }
            return nil
        }
        guard take(0x7B) else { return nil }
        if take(0x7D) { return at == bytes.count ? pairs : nil }
        repeat {
            guard let name = string(), take(0x3A), let value = string() else { return nil }
            pairs.append((name, value))
        } while take(0x2C)
        guard take(0x7D) else { return nil }
        skip()
        return at == bytes.count ? pairs : nil
    }

    private static func utf8(_ scalar: UInt32, _ out: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: out.append(UInt8(scalar))
        case 0x80..<0x800:
            out.append(UInt8(0xC0 | scalar >> 6))
            out.append(UInt8(0x80 | scalar & 0x3F))
        case 0x800..<0x10000:
            out.append(UInt8(0xE0 | scalar >> 12))
            out.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            out.append(UInt8(0x80 | scalar & 0x3F))
        default:
            out.append(UInt8(0xF0 | scalar >> 18))
            out.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            out.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            out.append(UInt8(0x80 | scalar & 0x3F))
        }
    }
}
