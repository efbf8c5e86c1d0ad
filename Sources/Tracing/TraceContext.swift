/// Where a request belongs: its trace, and the span that is the parent of whatever comes next (W3C Trace Context). A value
/// that is always valid: neither id is zero.
package struct TraceContext: Sendable, Equatable {
    /// The trace's id, 128 bits.
    package var traceHigh: UInt64
    package var traceLow: UInt64
    /// The parent's id.
    package var span: UInt64
    /// Whether the trace is recorded.
    package var isSampled: Bool
    /// What vendors say of the trace (`tracestate`); empty for nothing.
    package var state: String

    package init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool, state: String = "") {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.isSampled = isSampled
        self.state = state
    }

    // MARK: traceparent

    private static let parentLength = 55

    /// Reads the value of `traceparent`; nil when it is malformed. Of a later version the known part is read.
    package init?(parent text: UnsafeRawBufferPointer) {
        guard text.count >= Self.parentLength, text[2] == Self.dash, text[35] == Self.dash, text[52] == Self.dash,
            let version = Self.hex(text, 0, 2), version != 0xff, let high = Self.hex(text, 3, 16), let low = Self.hex(text, 19, 16),
            let span = Self.hex(text, 36, 16), let flags = Self.hex(text, 53, 2), high | low != 0, span != 0
        else { return nil }
        if text.count > Self.parentLength, version == 0 || text[Self.parentLength] != Self.dash { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, isSampled: flags & 1 == 1)
    }

    package init?(parent text: String) {
        var text = text
        guard let read = text.withUTF8({ TraceContext(parent: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = read
    }

    /// The value of `traceparent`.
    package var parent: String {
        String(unsafeUninitializedCapacity: Self.parentLength) { out in
            out[0] = 0x30
            out[1] = 0x30
            out[2] = Self.dash
            Self.write(traceHigh, out, 3)
            Self.write(traceLow, out, 19)
            out[35] = Self.dash
            Self.write(span, out, 36)
            out[52] = Self.dash
            out[53] = 0x30
            out[54] = isSampled ? 0x31 : 0x30
            return Self.parentLength
        }
    }

    /// Runs `body` on the bytes of `parent`, which are valid until it returns.
    package func withParent(_ body: (UnsafeRawBufferPointer) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.parentLength) { out in
            out.initialize(repeating: Self.dash)
            out[0] = 0x30
            out[1] = 0x30
            Self.write(traceHigh, out, 3)
            Self.write(traceLow, out, 19)
            Self.write(span, out, 36)
            out[53] = 0x30
            out[54] = isSampled ? 0x31 : 0x30
            body(UnsafeRawBufferPointer(out))
        }
    }

    /// Runs `body` on `binary` in Base64, without padding; the bytes are valid until it returns.
    package func withBinaryText(_ body: (UnsafeRawBufferPointer) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 30 + 40) { memory in
            memory.initialize(repeating: 0)
            writeBinary(UnsafeMutableRawBufferPointer(memory))
            // 29 bytes are 39 digits: the last triple lacks one byte.
            var at = 30
            for start in stride(from: 0, to: 30, by: 3) {
                let bits = UInt32(memory[start]) << 16 | UInt32(memory[start + 1]) << 8 | UInt32(memory[start + 2])
                memory[at] = Self.digit(UInt8(bits >> 18 & 63))
                memory[at + 1] = Self.digit(UInt8(bits >> 12 & 63))
                memory[at + 2] = Self.digit(UInt8(bits >> 6 & 63))
                memory[at + 3] = Self.digit(UInt8(bits & 63))
                at += 4
            }
            body(UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: memory[30..<69])))
        }
    }

    /// The same as a text.
    package var binaryText: String {
        var text = ""
        withBinaryText { text = String(decoding: $0, as: UTF8.self) }
        return text
    }

    @inline(__always)
    private static func digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: 0x2b
        default: 0x2f
        }
    }

    /// The trace's id, 32 digits.
    package var traceID: String {
        String(unsafeUninitializedCapacity: 32) { out in
            Self.write(traceHigh, out, 0)
            Self.write(traceLow, out, 16)
            return 32
        }
    }

    /// The id of a span, 16 digits.
    package static func text(span: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { out in
            write(span, out, 0)
            return 16
        }
    }

    // MARK: grpc-trace-bin

    private static let binaryLength = 29

    /// Reads the bytes of `grpc-trace-bin` (OpenCensus BinaryEncoding: version 0, then the fields 0, 1 and 2); nil when they
    /// are malformed.
    package init?(binary bytes: some RandomAccessCollection<UInt8>) {
        let bytes = Array(bytes.prefix(Self.binaryLength))
        guard bytes.count == Self.binaryLength, bytes[0] == 0, bytes[1] == 0, bytes[18] == 1, bytes[27] == 2 else { return nil }
        func number(_ at: Int) -> UInt64 { bytes[at..<at + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        let (high, low, span) = (number(2), number(10), number(19))
        guard high | low != 0, span != 0 else { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, isSampled: bytes[28] & 1 == 1)
    }

    /// The bytes of `grpc-trace-bin`.
    package var binary: [UInt8] {
        var out = [UInt8](repeating: 0, count: Self.binaryLength)
        out.withUnsafeMutableBytes { writeBinary($0) }
        return out
    }

    /// Version 0, and the three fields behind their numbers.
    @inline(__always)
    private func writeBinary(_ out: UnsafeMutableRawBufferPointer) {
        out[0] = 0
        out[1] = 0
        out.storeBytes(of: traceHigh.bigEndian, toByteOffset: 2, as: UInt64.self)
        out.storeBytes(of: traceLow.bigEndian, toByteOffset: 10, as: UInt64.self)
        out[18] = 1
        out.storeBytes(of: span.bigEndian, toByteOffset: 19, as: UInt64.self)
        out[27] = 2
        out[28] = isSampled ? 1 : 0
    }

    // MARK: Digits

    private static let dash = UInt8(ascii: "-")

    /// Lower case alone, as the standard has it.
    private static func hex(_ text: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in start..<start + count {
            let digit: UInt8
            switch text[index] {
            case 0x30...0x39: digit = text[index] - 0x30
            case 0x61...0x66: digit = text[index] - 0x61 + 10
            default: return nil
            }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    private static func write(_ value: UInt64, _ out: UnsafeMutableBufferPointer<UInt8>, _ start: Int) {
        for index in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - index * 4)) & 0xf
            out[start + index] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
        }
    }
}
