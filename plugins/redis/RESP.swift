import PluginKit

/// One value of a reply (RESP 2). Texts point into the connection's buffer: valid while the reply is handled.
struct RESPValue {
    enum Kind {
        case text
        case error
        case integer
        case null
        case array
    }
    var kind: Kind
    var text: Str = .absent
    /// The number, or the count of elements that follow.
    var integer: Int64 = 0
}

/// Reads values out of a reply that is known to be complete.
struct RESPReader {
    private var at: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>

    init(_ start: UnsafePointer<UInt8>, _ count: Int) {
        at = start
        end = start + count
    }

    /// The next value; the elements of an array come after it, each on its own.
    mutating func next() -> RESPValue {
        guard at < end else { return RESPValue(kind: .null) }
        let type = at.pointee
        var line = at + 1
        while line.pointee != 0x0D { line += 1 }
        let text = Str(UnsafeRawPointer(at + 1), line - at - 1)
        at = line + 2
        switch type {
        case 0x2B: return RESPValue(kind: .text, text: text)
        case 0x2D: return RESPValue(kind: .error, text: text)
        case 0x3A: return RESPValue(kind: .integer, integer: RESP.number(text) ?? 0)
        case 0x24:
            let count = RESP.number(text) ?? -1
            if count < 0 { return RESPValue(kind: .null) }
            let start = at
            at += Int(count) + 2
            return RESPValue(kind: .text, text: Str(UnsafeRawPointer(start), Int(count)))
        default:
            let count = RESP.number(text) ?? -1
            return count < 0 ? RESPValue(kind: .null) : RESPValue(kind: .array, integer: count)
        }
    }
}

enum RESP {
    /// Limits of the server itself: `proto-max-bulk-len` and what one reply of ours can hold.
    static let maxText: Int64 = 512 << 20
    static let maxElements: Int64 = 8 << 20
    static let maxLine = 64 << 10

    enum Extent {
        case complete(Int)
        /// So many bytes are needed before it is worth another look.
        case incomplete(Int)
        case invalid
    }

    /// How far the reply at the start of `bytes` goes.
    static func measure(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Extent {
        var at = 0
        var open: Int64 = 1
        while open > 0 {
            guard at < count else { return .incomplete(at + 1) }
            var line = at + 1
            while line < count, bytes[line] != 0x0D { line += 1 }
            if line - at > maxLine { return .invalid }
            guard line + 1 < count else { return .incomplete(count + 1) }
            guard bytes[line + 1] == 0x0A else { return .invalid }
            open -= 1
            let text = Str(UnsafeRawPointer(bytes + at + 1), line - at - 1)
            switch bytes[at] {
            case 0x2B, 0x2D: at = line + 2
            case 0x3A:
                guard number(text) != nil else { return .invalid }
                at = line + 2
            case 0x24:
                guard let size = number(text), size >= -1, size <= maxText else { return .invalid }
                at = line + 2
                if size >= 0 {
                    at += Int(size) + 2
                    guard at <= count else { return .incomplete(at) }
                    guard bytes[at - 2] == 0x0D, bytes[at - 1] == 0x0A else { return .invalid }
                }
            case 0x2A:
                guard let size = number(text), size >= -1, size <= maxElements else { return .invalid }
                if size > 0 { open += size }
                guard open <= maxElements else { return .invalid }
                at = line + 2
            default: return .invalid
            }
        }
        return .complete(at)
    }

    static func number(_ text: Str) -> Int64? {
        guard let first = text.raw.first else { return nil }
        let isNegative = first == 0x2D
        let digits = isNegative ? Str(UnsafeRawPointer(text.data!) + 1, text.count - 1) : text
        guard let value = digits.decimal, value <= UInt64(Int64.max) else { return nil }
        return isNegative ? -Int64(value) : Int64(value)
    }
}
