/// One declared argument, as parser, help and completion see it.
struct Declaration {
    enum Kind {
        /// `--name value`
        case option
        /// `--name`
        case flag
        /// A value by its place.
        case positional
        /// All that comes after `--`.
        case afterTerminator
    }

    let kind: Kind
    /// As they are written, the first long one first; empty for values by place.
    let names: [String]
    let help: ArgumentHelp
    let valueName: String
    let isRequired: Bool
    let isRepeating: Bool
    let defaultText: String?
    let allValues: [String]
    let completion: CompletionKind
    /// The heading in the help; `nil` for the general one.
    var title: String?
    /// Takes a value (of a flag: any); false when it is none of the type's.
    let take: (String) -> Bool

    /// `--name <value>`, `--name` or `<value>`.
    var synopsis: String {
        switch kind {
        case .option: "\(preferredName) <\(valueName)>"
        case .flag: preferredName
        case .positional, .afterTerminator: "<\(valueName)>"
        }
    }

    var preferredName: String { names.first { $0.hasPrefix("--") } ?? names.first ?? "" }
}

/// A property that declares an argument, or a group of them. A class, since asking each of many generic types whether it
/// conforms to a protocol takes milliseconds of every start; a value is asked for its class at once.
package class DeclaringProperty {
    /// `name` is the property's.
    func declarations(property name: String) -> [Declaration] { [] }
    /// The groups that are within it.
    var groups: [any ParsableArguments] { [] }
}

extension ParsableArguments {
    /// All arguments, those of groups in their place.
    var declarations: [Declaration] {
        properties.flatMap { property, name in property.declarations(property: name) }
    }

    /// Validates the groups, then itself.
    func validateAll() throws {
        for (property, _) in properties {
            for group in property.groups { try group.validateAll() }
        }
        try validate()
    }

    private var properties: [(DeclaringProperty, String)] {
        Mirror(reflecting: self).children.compactMap { child in
            guard let property = child.value as? DeclaringProperty, let label = child.label else { return nil }
            // The storage of a wrapped property has its name after an underscore.
            return (property, String(label.drop { $0 == "_" }))
        }
    }
}

/// What a declared property holds.
final class ArgumentStorage<Value> {
    var value: Value?

    init(_ value: Value?) { self.value = value }
}
