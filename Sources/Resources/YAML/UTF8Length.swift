/// Bytes of the character of two to four bytes at a place; 0 when it is not UTF-8 (RFC 3629 §4).
func utf8Length(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    func byte(_ index: Int) -> UInt8 { start + index < bytes.count ? bytes[start + index] : 0 }
    func follows(_ index: Int) -> Bool { byte(index) & 0xc0 == 0x80 }
    switch byte(0) {
    case 0xc2...0xdf: return follows(1) ? 2 : 0
    case 0xe0...0xef:
        guard follows(1), follows(2) else { return 0 }
        if byte(0) == 0xe0, byte(1) < 0xa0 { return 0 }
        return byte(0) == 0xed && byte(1) >= 0xa0 ? 0 : 3
    case 0xf0...0xf4:
        guard follows(1), follows(2), follows(3) else { return 0 }
        if byte(0) == 0xf0, byte(1) < 0x90 { return 0 }
        return byte(0) == 0xf4 && byte(1) >= 0x90 ? 0 : 4
    default: return 0
    }
}
