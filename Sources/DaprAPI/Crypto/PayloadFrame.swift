/// The bytes of an `EncryptResponse` or `DecryptResponse`, which are the same: `payload` (1) with `data` (1) and `seq` (2).
/// Written in place, for the data is large and goes no further.
struct PayloadFrame {
    private let seq: UInt64
    private let data: UnsafeRawBufferPointer
    private let payloadSize: Int
    let size: Int

    init(seq: UInt64, data: UnsafeRawBufferPointer) {
        self.seq = seq
        self.data = data
        payloadSize =
            1 + PayloadFrame.width(UInt64(data.count)) + data.count + (seq == 0 ? 0 : 1 + PayloadFrame.width(seq))
        size = 1 + PayloadFrame.width(UInt64(payloadSize)) + payloadSize
    }

    /// Writes `size` bytes.
    func write(to target: UnsafeMutableRawBufferPointer) {
        var at = 0
        func byte(_ value: UInt8) {
            target[at] = value
            at += 1
        }
        func varint(_ value: UInt64) {
            var rest = value
            while rest >= 0x80 {
                byte(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            byte(UInt8(rest))
        }
        byte(0x0A)
        varint(UInt64(payloadSize))
        byte(0x0A)
        varint(UInt64(data.count))
        UnsafeMutableRawBufferPointer(rebasing: target[at..<at + data.count]).copyMemory(from: data)
        at += data.count
        if seq != 0 {
            byte(0x10)
            varint(seq)
        }
    }

    /// Bytes of a varint.
    private static func width(_ value: UInt64) -> Int { max(1, (70 - value.leadingZeroBitCount) / 7) }
}
