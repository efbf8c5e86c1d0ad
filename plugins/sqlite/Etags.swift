import PluginKit

/// Random UUIDs (version 4, RFC 9562) as text. Used by the writer alone.
struct Etags {
    private var pool = [UInt8](repeating: 0, count: 1024)
    private var next = 1024

    /// The 36 bytes of a new etag.
    mutating func make() -> [UInt8] {
        if next == pool.count {
            pool.withUnsafeMutableBytes { Host.random($0) }
            next = 0
        }
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for place in 0..<16 {
            var byte = pool[next + place]
            if place == 6 { byte = byte & 0x0F | 0x40 }
            if place == 8 { byte = byte & 0x3F | 0x80 }
            if place == 4 || place == 6 || place == 8 || place == 10 { text.append(0x2D) }
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
        next += 16
        return text
    }

    private func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
