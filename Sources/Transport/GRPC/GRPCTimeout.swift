import NIOCore

/// The value of a `grpc-timeout` field (gRPC: PROTOCOL-HTTP2.md, Timeout): at most eight digits and a unit.
enum GRPCTimeout: Equatable {
    case after(TimeAmount)
    case malformed

    init(_ text: UnsafeRawBufferPointer) {
        guard text.count >= 2, text.count <= 9, let unit = text.last else {
            self = .malformed
            return
        }
        var value: Int64 = 0
        for byte in text.dropLast() {
            guard byte &- 0x30 < 10 else {
                self = .malformed
                return
            }
            value = value * 10 + Int64(byte - 0x30)
        }
        let nanoseconds: Int64
        switch unit {
        case UInt8(ascii: "H"): nanoseconds = 3_600_000_000_000
        case UInt8(ascii: "M"): nanoseconds = 60_000_000_000
        case UInt8(ascii: "S"): nanoseconds = 1_000_000_000
        case UInt8(ascii: "m"): nanoseconds = 1_000_000
        case UInt8(ascii: "u"): nanoseconds = 1_000
        case UInt8(ascii: "n"): nanoseconds = 1
        default:
            self = .malformed
            return
        }
        // Eight digits of hours overflow 64 bits; a year is as good as for ever.
        let product = value.multipliedReportingOverflow(by: nanoseconds)
        self = .after(.nanoseconds(product.overflow ? Self.year : min(product.partialValue, Self.year)))
    }

    /// A field's value for `nanoseconds`, rounded up to what eight digits can say.
    static func text(_ nanoseconds: Int64) -> String {
        var value = max(0, min(nanoseconds, year))
        for (unit, factor) in [("n", 1), ("u", 1000), ("m", 1000), ("S", 1000), ("M", 60), ("H", 60)] as [(String, Int64)] {
            value = (value + factor - 1) / factor
            if value < 100_000_000 { return "\(value)\(unit)" }
        }
        return "99999999H"
    }

    private static let year: Int64 = 31_536_000_000_000_000
}
