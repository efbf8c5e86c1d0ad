/// A type that an argument can have.
package protocol ExpressibleByArgument {
    /// `nil` when the text is none of its values.
    init?(argument: String)

    /// A default value as the help shows it.
    var defaultValueDescription: String { get }

    /// Every value, for the help and the shell, when there are few.
    static var allValueStrings: [String] { get }
}

extension ExpressibleByArgument {
    package var defaultValueDescription: String { "\(self)" }
    package static var allValueStrings: [String] { [] }
}

extension ExpressibleByArgument where Self: CaseIterable {
    package static var allValueStrings: [String] { allCases.map(\.defaultValueDescription) }
}

extension ExpressibleByArgument where Self: RawRepresentable, RawValue == String {
    package init?(argument: String) { self.init(rawValue: argument) }
    package var defaultValueDescription: String { rawValue }
}

extension String: ExpressibleByArgument {
    package init?(argument: String) { self = argument }
}

extension Int: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}

extension Bool: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
