/// One evaluation.
struct CELEvaluation {
    var variables: [String: CELValue]
    /// Steps that it may yet take.
    var left: Int

    mutating func value(_ node: CELNode) throws(CELError) -> CELValue {
        left -= 1
        guard left > 0 else { throw CELError("the expression takes too long") }
        switch node {
        case .literal(let value): return value
        case .variable(let name):
            guard let value = variables[name] else { throw CELError("there is no variable \(name)") }
            return value
        case .member(let object, let name): return try member(try value(object), name)
        case .index(let object, let index): return try element(try value(object), try value(index))
        case .presence(let object, let name):
            let object = try value(object)
            guard case .map = object else { throw CELError("a \(object.typeName) has no members") }
            return .bool(object.member(name) != nil)
        case .not(let operand):
            guard case .bool(let flag) = try value(operand) else { throw CELError("'!' takes a bool") }
            return .bool(!flag)
        case .negative(let operand): return try negative(try value(operand))
        case .both(let one, let two): return try logic(one, two, decides: false)
        case .either(let one, let two): return try logic(one, two, decides: true)
        case .choice(let condition, let yes, let no):
            guard case .bool(let flag) = try value(condition) else { throw CELError("'?' takes a bool") }
            return try value(flag ? yes : no)
        case .binary(let symbol, let one, let two): return try binary(symbol, try value(one), try value(two))
        case .list(let items):
            var values: [CELValue] = []
            for item in items { values.append(try value(item)) }
            return .list(values)
        case .map(let members):
            var made: [(name: String, value: CELValue)] = []
            for (name, member) in members {
                guard case .string(let text) = try value(name) else { throw CELError("names of a map are strings here") }
                made.append((text, try value(member)))
            }
            return .map(made)
        case .call(let name, let target, let arguments): return try call(name, target, arguments)
        case .each(let macro, let range, let variable, let body): return try each(macro, try value(range), variable, body)
        }
    }

    /// `&&` and `||` pass over an error of one side when the other side decides.
    private mutating func logic(_ one: CELNode, _ two: CELNode, decides: Bool) throws(CELError) -> CELValue {
        var failure: CELError?
        for node in [one, two] {
            do throws(CELError) {
                guard case .bool(let flag) = try value(node) else { throw CELError("'&&' and '||' take bools") }
                if flag == decides { return .bool(decides) }
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return .bool(!decides)
    }

    private func member(_ object: CELValue, _ name: String) throws(CELError) -> CELValue {
        guard case .map = object else { throw CELError("a \(object.typeName) has no member \(name)") }
        guard let value = object.member(name) else { throw CELError("there is no member \(name)") }
        return value
    }

    private func element(_ object: CELValue, _ index: CELValue) throws(CELError) -> CELValue {
        switch (object, index) {
        case (.map, .string(let name)): return try member(object, name)
        case (.list(let items), _):
            guard let at = CELEvaluation.whole(index) else { throw CELError("a list takes a whole number as its index") }
            guard items.indices.contains(at) else { throw CELError("there is no element \(at) in a list of \(items.count)") }
            return items[at]
        default: throw CELError("a \(object.typeName) has no element by a \(index.typeName)")
        }
    }

    private static func whole(_ value: CELValue) -> Int? {
        switch value {
        case .int(let number): Int(exactly: number)
        case .uint(let number): Int(exactly: number)
        case .double(let number): Int(exactly: number)
        default: nil
        }
    }

    private func negative(_ value: CELValue) throws(CELError) -> CELValue {
        switch value {
        case .int(let number):
            guard number != .min else { throw CELError("a number is too large") }
            return .int(-number)
        case .double(let number): return .double(-number)
        default: throw CELError("'-' does not take a \(value.typeName)")
        }
    }

    private func binary(_ symbol: String, _ one: CELValue, _ two: CELValue) throws(CELError) -> CELValue {
        switch symbol {
        case "==": return .bool(one.isEqual(to: two))
        case "!=": return .bool(!one.isEqual(to: two))
        case "in":
            switch two {
            case .list(let items): return .bool(items.contains { $0.isEqual(to: one) })
            case .map:
                guard case .string(let name) = one else { return .bool(false) }
                return .bool(two.member(name) != nil)
            default: throw CELError("'in' does not take a \(two.typeName)")
            }
        case "<", "<=", ">", ">=":
            guard let order = one.order(to: two) else {
                if case .double = one, case .double = two { return .bool(false) } // not a number
                throw CELError("a \(one.typeName) and a \(two.typeName) have no order")
            }
            switch symbol {
            case "<": return .bool(order < 0)
            case "<=": return .bool(order <= 0)
            case ">": return .bool(order > 0)
            default: return .bool(order >= 0)
            }
        default: return try arithmetic(symbol, one, two)
        }
    }

    private func arithmetic(_ symbol: String, _ one: CELValue, _ two: CELValue) throws(CELError) -> CELValue {
        switch (one, two) {
        case (.int(let one), .int(let two)): return .int(try whole(symbol, one, two))
        case (.uint(let one), .uint(let two)): return .uint(try whole(symbol, one, two))
        case (.double(let one), .double(let two)): return .double(try real(symbol, one, two))
        // Numbers of JSON may be whole or not: mixed, they are taken for what they are in JavaScript.
        case (.double(let one), .int(let two)): return .double(try real(symbol, one, Double(two)))
        case (.int(let one), .double(let two)): return .double(try real(symbol, Double(one), two))
        case (.string(let one), .string(let two)) where symbol == "+": return .string(one + two)
        case (.bytes(let one), .bytes(let two)) where symbol == "+": return .bytes(one + two)
        case (.list(let one), .list(let two)) where symbol == "+": return .list(one + two)
        default: throw CELError("'\(symbol)' does not take a \(one.typeName) and a \(two.typeName)")
        }
    }

    private func real(_ symbol: String, _ one: Double, _ two: Double) throws(CELError) -> Double {
        switch symbol {
        case "+": return one + two
        case "-": return one - two
        case "*": return one * two
        case "/": return one / two
        default: throw CELError("'%' does not take a double")
        }
    }

    private func whole<Number: FixedWidthInteger>(_ symbol: String, _ one: Number, _ two: Number) throws(CELError) -> Number {
        let result: (partialValue: Number, overflow: Bool)
        switch symbol {
        case "+": result = one.addingReportingOverflow(two)
        case "-": result = one.subtractingReportingOverflow(two)
        case "*": result = one.multipliedReportingOverflow(by: two)
        default:
            guard two != 0 else { throw CELError("a division by zero") }
            result = symbol == "/" ? one.dividedReportingOverflow(by: two) : one.remainderReportingOverflow(dividingBy: two)
        }
        guard !result.overflow else { throw CELError("a number is too large") }
        return result.partialValue
    }

    private mutating func each(_ macro: String, _ range: CELValue, _ variable: String, _ body: CELNode) throws(CELError) -> CELValue {
        let items: [CELValue]
        switch range {
        case .list(let list): items = list
        case .map(let members): items = members.map { .string($0.name) }
        default: throw CELError("\(macro) does not take a \(range.typeName)")
        }
        let outer = variables[variable]
        defer { variables[variable] = outer }
        var kept: [CELValue] = []
        var count = 0
        var failure: CELError?
        for item in items {
            variables[variable] = item
            do throws(CELError) {
                let value = try value(body)
                if macro == "map" {
                    kept.append(value)
                    continue
                }
                guard case .bool(let flag) = value else { throw CELError("\(macro) takes a bool") }
                if flag { count += 1 }
                if flag, macro == "filter" { kept.append(item) }
                if flag, macro == "exists" { return .bool(true) }
                if !flag, macro == "all" { return .bool(false) }
            } catch {
                guard macro == "exists" || macro == "all", left > 0 else { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        switch macro {
        case "map", "filter": return .list(kept)
        case "exists_one": return .bool(count == 1)
        default: return .bool(macro == "all")
        }
    }
}
