/// An expression of the Common Expression Language that was read once and is evaluated often.
package struct CELExpression: Sendable {
    let root: CELNode
    package let text: String

    package init(_ text: String) throws(CELError) {
        self.text = text
        root = try CELParser.parse(text)
    }

    /// Its value with these variables. What a text can make it do is bounded: `steps` of evaluation.
    package func value(_ variables: [String: CELValue], steps: Int = 100_000) throws(CELError) -> CELValue {
        var evaluation = CELEvaluation(variables: variables, left: steps)
        return try evaluation.value(root)
    }

    /// Whether it is true; any other value than a bool is an error.
    package func matches(_ variables: [String: CELValue]) throws(CELError) -> Bool {
        let value = try value(variables)
        guard case .bool(let flag) = value else { throw CELError("the expression is a \(value.typeName), not a bool") }
        return flag
    }
}
