import PluginKit
import PostgreSQLPluginNative

/// The parameters of one statement, in the server's binary form. Texts and bytes are not copied: they stay where they are
/// until the statement was sent.
struct Parameters {
    private enum Value {
        case slice(UnsafeRawBufferPointer)
        /// A place in `own`.
        case own(Int, Int)
        case absent
    }
    private var types: [UInt32] = []
    private var values: [Value] = []
    private var own: [UInt8] = []

    /// Object numbers of types, which never change.
    private enum Kind {
        static let bytea: UInt32 = 17, int8: UInt32 = 20, text: UInt32 = 25, float8: UInt32 = 701, textArray: UInt32 = 1009
        static let uuid: UInt32 = 2950
    }

    var count: Int { values.count }
    /// About how many bytes the statement has.
    private(set) var size = 128

    mutating func add(text: Str) { add(Kind.text, text.raw) }
    mutating func add(bytes: Bytes) { add(Kind.bytea, bytes.raw) }

    private mutating func add(_ type: UInt32, _ raw: UnsafeRawBufferPointer) {
        types.append(type)
        values.append(.slice(raw))
        size += raw.count
    }

    private mutating func add(_ type: UInt32, copy bytes: [UInt8]) {
        types.append(type)
        values.append(.own(own.count, bytes.count))
        own.append(contentsOf: bytes)
        size += bytes.count
    }

    mutating func add(text: [UInt8]?) {
        guard let text else {
            types.append(Kind.text)
            return values.append(.absent)
        }
        add(Kind.text, copy: text)
    }
    mutating func add(uuid: [UInt8]) { add(Kind.uuid, copy: uuid) }

    mutating func add(integer: Int64?) {
        guard let integer else {
            types.append(Kind.int8)
            return values.append(.absent)
        }
        add(Kind.int8, copy: Self.big(UInt64(bitPattern: integer), 8))
    }

    mutating func add(number: Double) { add(Kind.float8, copy: Self.big(number.bitPattern, 8)) }

    /// A text that the server reads as whatever type the statement has there.
    mutating func add(literal: [UInt8]?) {
        guard let literal else {
            types.append(0)
            return values.append(.absent)
        }
        add(0, copy: literal)
        // libpq wants the end of a text, and takes no length.
        own.append(0)
    }

    mutating func add(texts: [Str]) {
        // Dimensions, whether there are NULLs, the elements' type; how many, and the number of the first.
        var bytes = Self.big(1, 4) + Self.big(0, 4) + Self.big(UInt64(Kind.text), 4) + Self.big(UInt64(texts.count), 4) + Self.big(1, 4)
        if texts.isEmpty { bytes = Self.big(0, 4) + Self.big(0, 4) + Self.big(UInt64(Kind.text), 4) }
        for text in texts {
            bytes += Self.big(UInt64(text.count), 4)
            bytes.append(contentsOf: text.raw)
        }
        add(Kind.textArray, copy: bytes)
    }

    private static func big(_ value: UInt64, _ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for place in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - place)))) }
        return bytes
    }

    typealias Raw = (
        types: UnsafePointer<UInt32>, values: UnsafePointer<UnsafePointer<CChar>?>, lengths: UnsafePointer<Int32>,
        formats: UnsafePointer<Int32>
    )

    /// Gives them to `body` as libpq wants them.
    func with<Result>(_ body: (Raw) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count + 1) { pointers in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count + 2) { numbers in
                own.withUnsafeBytes { own in
                    types.withUnsafeBufferPointer { types in
                        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 1) { none in
                            for (index, value) in values.enumerated() {
                                var memory: UnsafeRawPointer?, length = 0
                                switch value {
                                // NULL is no value at all: an empty one needs an address.
                                case .slice(let raw): (memory, length) = (raw.baseAddress ?? UnsafeRawPointer(none.baseAddress!), raw.count)
                                case .own(let start, let count):
                                    (memory, length) = ((own.baseAddress ?? UnsafeRawPointer(none.baseAddress!)) + start, count)
                                case .absent: break
                                }
                                pointers[index] = memory?.assumingMemoryBound(to: CChar.self)
                                numbers[index] = Int32(clamping: length)
                                // Binary, but for literals.
                                numbers[count + index] = types[index] == 0 ? 0 : 1
                            }
                            return body(
                                (
                                    types.baseAddress ?? UnsafePointer(none.baseAddress!), UnsafePointer(pointers.baseAddress!),
                                    UnsafePointer(numbers.baseAddress!), UnsafePointer(numbers.baseAddress! + count)
                                ))
                        }
                    }
                }
            }
        }
    }
}
