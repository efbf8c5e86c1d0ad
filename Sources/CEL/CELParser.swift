/// Reads an expression by the grammar of the language's definition.
struct CELParser {
    private var lexer: CELLexer
    private var token = CELToken.end
    private var place = 0
    private var depth = 0
    private var nodes = 0

    /// Of parentheses, and of what is in each other otherwise.
    static let depthLimit = 64
    static let nodeLimit = 2000
    private static let functions: [String: [Int]] = [
        "size": [1], "int": [1], "uint": [1], "double": [1], "string": [1], "bool": [1], "bytes": [1], "type": [1],
    ]
    private static let methods: [String: [Int]] = ["size": [0], "contains": [1], "startsWith": [1], "endsWith": [1], "matches": [1]]
    private static let macros: Set<String> = ["all", "exists", "exists_one", "filter", "map"]

    static func parse(_ text: String) throws(CELError) -> CELNode {
        var parser = CELParser(lexer: CELLexer(text))
        try parser.advance()
        let node = try parser.choice()
        guard parser.token == .end else { throw parser.unexpected() }
        return node
    }

    private init(lexer: CELLexer) { self.lexer = lexer }

    private mutating func advance() throws(CELError) {
        (token, place) = try lexer.next()
        nodes += 1
        if nodes > Self.nodeLimit { throw CELError("the expression is too long", at: place) }
    }

    private func unexpected() -> CELError {
        switch token {
        case .end: CELError("the expression ends too early", at: place)
        case .identifier(let text), .symbol(let text): CELError("'\(text)' is not expected", at: place)
        default: CELError("a literal is not expected", at: place)
        }
    }

    private mutating func accept(_ symbol: String) throws(CELError) -> Bool {
        guard token == .symbol(symbol) else { return false }
        try advance()
        return true
    }

    private mutating func expect(_ symbol: String) throws(CELError) {
        guard try accept(symbol) else { throw CELError("'\(symbol)' expected", at: place) }
    }

    private mutating func deeper<Result>(_ body: (inout CELParser) throws(CELError) -> Result) throws(CELError) -> Result {
        depth += 1
        guard depth <= Self.depthLimit else { throw CELError("the expression is nested too deeply", at: place) }
        let result = try body(&self)
        depth -= 1
        return result
    }

    private mutating func choice() throws(CELError) -> CELNode {
        try deeper { (parser) throws(CELError) in
            let condition = try parser.either()
            guard try parser.accept("?") else { return condition }
            let yes = try parser.either()
            try parser.expect(":")
            return .choice(condition, yes, try parser.choice())
        }
    }

    private mutating func either() throws(CELError) -> CELNode {
        var node = try both()
        while try accept("||") { node = .either(node, try both()) }
        return node
    }

    private mutating func both() throws(CELError) -> CELNode {
        var node = try relation()
        while try accept("&&") { node = .both(node, try relation()) }
        return node
    }

    private mutating func relation() throws(CELError) -> CELNode {
        var node = try sum()
        while true {
            if case .symbol(let symbol) = token, ["<", "<=", ">", ">=", "==", "!="].contains(symbol) {
                try advance()
                node = .binary(symbol, node, try sum())
            } else if token == .identifier("in") {
                try advance()
                node = .binary("in", node, try sum())
            } else {
                return node
            }
        }
    }

    private mutating func sum() throws(CELError) -> CELNode {
        var node = try product()
        while case .symbol(let symbol) = token, symbol == "+" || symbol == "-" {
            try advance()
            node = .binary(symbol, node, try product())
        }
        return node
    }

    private mutating func product() throws(CELError) -> CELNode {
        var node = try unary()
        while case .symbol(let symbol) = token, symbol == "*" || symbol == "/" || symbol == "%" {
            try advance()
            node = .binary(symbol, node, try unary())
        }
        return node
    }

    private mutating func unary() throws(CELError) -> CELNode {
        if token == .symbol("!") || token == .symbol("-") {
            let isNot = token == .symbol("!")
            return try deeper { (parser) throws(CELError) in
                try parser.advance()
                if !isNot, case .int(let value) = parser.token, value == .min {
                    try parser.advance()
                    return .literal(.int(.min))
                }
                let operand = try parser.unary()
                return isNot ? .not(operand) : .negative(operand)
            }
        }
        if token == .int(.min) { throw CELError("the number is too large", at: place) }
        return try member()
    }

    private mutating func member() throws(CELError) -> CELNode {
        var node = try primary()
        while true {
            if try accept(".") {
                guard case .identifier(let name) = token else { throw unexpected() }
                let at = place
                try advance()
                node = try accept("(") ? try method(name, on: node, at) : .member(node, name)
            } else if try accept("[") {
                node = .index(node, try choice())
                try expect("]")
            } else {
                return node
            }
        }
    }

    private mutating func method(_ name: String, on target: CELNode, _ at: Int) throws(CELError) -> CELNode {
        if Self.macros.contains(name) {
            guard case .identifier(let variable) = token else { throw CELError("\(name) begins with the name of a variable", at: place) }
            try advance()
            try expect(",")
            let body = try choice()
            try expect(")")
            return .each(name, target, variable: variable, body)
        }
        let arguments = try list(until: ")")
        guard let counts = Self.methods[name] else { throw CELError("there is no function \(name)", at: at) }
        guard counts.contains(arguments.count) else { throw CELError("\(name) takes \(counts[0]) arguments", at: at) }
        return .call(name, target: target, arguments)
    }

    private mutating func list(until end: String) throws(CELError) -> [CELNode] {
        var items: [CELNode] = []
        if try accept(end) { return items }
        repeat {
            if end == "]", try accept(end) { return items }
            items.append(try choice())
        } while try accept(",")
        try expect(end)
        return items
    }

    private mutating func primary() throws(CELError) -> CELNode {
        let at = place
        switch token {
        case .int(let value): return try literal(.int(value))
        case .uint(let value): return try literal(.uint(value))
        case .double(let value): return try literal(.double(value))
        case .string(let value): return try literal(.string(value))
        case .bytes(let value): return try literal(.bytes(value))
        case .symbol("("):
            try advance()
            let node = try choice()
            try expect(")")
            return node
        case .symbol("["):
            try advance()
            return .list(try list(until: "]"))
        case .symbol("{"):
            try advance()
            return try map()
        case .identifier(let name):
            try advance()
            switch name {
            case "true": return .literal(.bool(true))
            case "false": return .literal(.bool(false))
            case "null": return .literal(.null)
            case "in": throw CELError("'in' is not expected", at: at)
            default: return try accept("(") ? try function(name, at) : .variable(name)
            }
        default: throw unexpected()
        }
    }

    private mutating func literal(_ value: CELValue) throws(CELError) -> CELNode {
        try advance()
        return .literal(value)
    }

    private mutating func map() throws(CELError) -> CELNode {
        var members: [(name: CELNode, value: CELNode)] = []
        while !(try accept("}")) {
            let name = try choice()
            try expect(":")
            members.append((name, try choice()))
            if try accept(",") { continue }
            try expect("}")
            break
        }
        return .map(members)
    }

    private mutating func function(_ name: String, _ at: Int) throws(CELError) -> CELNode {
        let arguments = try list(until: ")")
        if name == "has" {
            guard arguments.count == 1, case .member(let object, let member) = arguments[0] else {
                throw CELError("has takes a member: has(event.data)", at: at)
            }
            return .presence(object, member)
        }
        guard let counts = Self.functions[name] else { throw CELError("there is no function \(name)", at: at) }
        guard counts.contains(arguments.count) else { throw CELError("\(name) takes \(counts[0]) arguments", at: at) }
        return .call(name, target: nil, arguments)
    }
}
