/// What the help says of an argument.
package struct ArgumentHelp: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    let text: String
    let valueName: String?
    let isHidden: Bool

    /// `valueName` stands for the value, for example `port` in `--http-port <port>`; by default the property's name.
    package init(_ text: String, valueName: String? = nil) {
        self.init(text: text, valueName: valueName, isHidden: false)
    }

    package init(stringLiteral text: String) { self.init(text) }

    private init(text: String, valueName: String?, isHidden: Bool) {
        self.text = text
        self.valueName = valueName
        self.isHidden = isHidden
    }

    /// The help does not mention the argument.
    package static let hidden = ArgumentHelp(text: "", valueName: nil, isHidden: true)
}
