/// Numbers as text, without an allocation.
public enum Decimal {
    /// Writes `value` so that its last digit is just before `end`; the first digit.
    @inline(__always)
    public static func write(_ value: UInt64, before end: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        var at = end, rest = value
        repeat {
            at -= 1
            at.pointee = UInt8(truncatingIfNeeded: rest % 10) + 0x30
            rest /= 10
        } while rest > 0
        return at
    }

    /// Gives the digits to `body`; valid during the call.
    @inline(__always)
    public static func with<Result>(_ value: UInt64, _ body: (Str) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
            let end = buffer.baseAddress! + 20
            let start = write(value, before: end)
            return body(Str(UnsafeRawPointer(start), end - start))
        }
    }

    /// Appends the digits of a number.
    public static func append(_ value: Int64, to text: inout [UInt8]) {
        if value < 0 { text.append(0x2D) }
        with(value.magnitude) { text.append(contentsOf: $0.raw) }
    }
}
