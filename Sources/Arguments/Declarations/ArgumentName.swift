/// A name of an option or flag.
package enum ArgumentName: Sendable, Equatable {
    /// The property's name: `httpPort` is `--http-port`.
    case long
    /// `--name`
    case customLong(String)
    /// `-n`
    case customShort(Character)

    /// As it is written, for a property of that name.
    func written(_ property: String) -> String {
        switch self {
        case .long: "--" + Self.kebabCase(property)
        case .customLong(let name): "--" + name
        case .customShort(let letter): "-\(letter)"
        }
    }

    /// `httpPort` is `http-port`.
    static func kebabCase(_ name: String) -> String {
        var result = ""
        for letter in name {
            if letter.isUppercase, !result.isEmpty { result += "-" }
            result += letter.lowercased()
        }
        return result
    }
}
