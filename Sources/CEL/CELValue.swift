/// A value of the Common Expression Language.
package enum CELValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case list([CELValue])
    /// Members in their order; names are strings, as in JSON.
    case map([(name: String, value: CELValue)])

    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .list: "list"
        case .map: "map"
        }
    }

    func member(_ name: String) -> CELValue? {
        guard case .map(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// Values of different types are not equal, but for numbers, which are compared by what they are.
    func isEqual(to other: CELValue) -> Bool {
        switch (self, other) {
        case (.null, .null): true
        case (.bool(let one), .bool(let two)): one == two
        case (.string(let one), .string(let two)): one == two
        case (.bytes(let one), .bytes(let two)): one == two
        case (.list(let one), .list(let two)): one.count == two.count && zip(one, two).allSatisfy { $0.isEqual(to: $1) }
        case (.map(let one), .map(let two)):
            one.count == two.count && one.allSatisfy { entry in other.member(entry.name).map { entry.value.isEqual(to: $0) } ?? false }
        default: order(to: other) == 0
        }
    }

    /// -1, 0 or 1 for values that have an order; `nil` for others, and for what is no number.
    func order(to other: CELValue) -> Int? {
        func compared<Value: Comparable>(_ one: Value, _ two: Value) -> Int? { one < two ? -1 : one > two ? 1 : one == two ? 0 : nil }
        switch (self, other) {
        case (.bool(let one), .bool(let two)): return compared(one ? 1 : 0, two ? 1 : 0)
        case (.string(let one), .string(let two)):
            // By code points, as UTF-8 is ordered.
            return one == two ? 0 : Array(one.utf8).lexicographicallyPrecedes(Array(two.utf8)) ? -1 : 1
        case (.bytes(let one), .bytes(let two)): return one == two ? 0 : one.lexicographicallyPrecedes(two) ? -1 : 1
        case (.int(let one), .int(let two)): return compared(one, two)
        case (.uint(let one), .uint(let two)): return compared(one, two)
        case (.double(let one), .double(let two)): return compared(one, two)
        case (.int(let one), .uint(let two)): return one < 0 ? -1 : compared(UInt64(one), two)
        case (.uint, .int): return other.order(to: self).map { -$0 }
        case (.double(let one), .int(let two)): return CELValue.compare(one, two)
        case (.double(let one), .uint(let two)): return CELValue.compare(one, two)
        case (.int, .double), (.uint, .double): return other.order(to: self).map { -$0 }
        default: return nil
        }
    }

    /// Exactly: a whole number need not have a `Double` of its own.
    private static func compare<Whole: FixedWidthInteger>(_ one: Double, _ two: Whole) -> Int? {
        if one.isNaN { return nil }
        if one < Double(Whole.min) { return -1 }
        if one >= Double(sign: .plus, exponent: Whole.isSigned ? Whole.bitWidth - 1 : Whole.bitWidth, significand: 1) { return 1 }
        let whole = Whole(one.rounded(.down))
        if whole != two { return whole < two ? -1 : 1 }
        return one > one.rounded(.down) ? 1 : 0
    }
}
