import Glibc

/// Random UUIDs (RFC 9562 §5.4) of one event loop. They are names, not secrets: a generator that was seeded by the
/// kernel makes them, so that an event costs no system call.
struct EventIDs {
    private var first: UInt64
    private var second: UInt64

    init() {
        var seed = SystemRandomNumberGenerator()
        (first, second) = (seed.next(), seed.next() | 1)
    }

    /// xoroshiro128++.
    private mutating func draw() -> UInt64 {
        func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
        let result = rotate(first &+ second, 17) &+ first
        let mixed = second ^ first
        first = rotate(first, 49) ^ mixed ^ mixed << 21
        second = rotate(mixed, 28)
        return result
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble
    }

    mutating func next() -> String {
        let high = draw() & ~0xf000 | 0x4000, low = draw() & ~(0b11 << 62) | 0b10 << 62
        return String(unsafeUninitializedCapacity: 36) { room in
            var at = 0
            for index in 0..<16 {
                if index & 1 == 0, index >= 4, index <= 10 {
                    room[at] = UInt8(ascii: "-")
                    at += 1
                }
                let byte = UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - index % 8 * 8))
                room[at] = Self.digit(byte >> 4)
                room[at + 1] = Self.digit(byte & 15)
                at += 2
            }
            return at
        }
    }
}
