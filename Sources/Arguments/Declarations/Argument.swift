/// A value by its place: required, optional, or a list of all that are left.
@propertyWrapper
package final class Argument<Value>: DeclaringProperty {
    /// Which values are the argument's.
    package enum Parsing: Sendable {
        /// The next that is no option.
        case next
        /// Whatever comes after `--`, options too.
        case postTerminator
    }

    private let storage: ArgumentStorage<Value>
    private let declare: (String, ArgumentStorage<Value>) -> Declaration

    package var wrappedValue: Value {
        get {
            guard let value = storage.value else { preconditionFailure("a required argument is read before parsing") }
            return value
        }
        set { storage.value = newValue }
    }

    override func declarations(property name: String) -> [Declaration] { [declare(name, storage)] }

    private init(
        _ value: Value?, _ help: ArgumentHelp, _ completion: CompletionKind, _ kind: Declaration.Kind = .positional,
        values: [String], isRepeating: Bool = false, take: @escaping (String, ArgumentStorage<Value>) -> Bool
    ) {
        storage = ArgumentStorage(value)
        declare = { property, storage in
            Declaration(
                kind: kind, names: [], help: help, valueName: help.valueName ?? ArgumentName.kebabCase(property),
                isRequired: storage.value == nil, isRepeating: isRepeating, defaultText: nil, allValues: values,
                completion: completion, take: { take($0, storage) })
        }
    }

    package convenience init(help: ArgumentHelp = "", completion: CompletionKind = .none) where Value: ExpressibleByArgument {
        self.init(nil, help, completion, values: Value.allValueStrings) { argument, storage in
            storage.value = Value(argument: argument)
            return storage.value != nil
        }
    }

    package convenience init<Wrapped: ExpressibleByArgument>(
        wrappedValue: Wrapped? = nil, help: ArgumentHelp = "", completion: CompletionKind = .none
    ) where Value == Wrapped? {
        self.init(.some(wrappedValue), help, completion, values: Wrapped.allValueStrings) { argument, storage in
            guard let parsed = Wrapped(argument: argument) else { return false }
            storage.value = .some(parsed)
            return true
        }
    }

    package convenience init<Element: ExpressibleByArgument>(
        wrappedValue: [Element], parsing: Parsing = .next, help: ArgumentHelp = "", completion: CompletionKind = .none
    ) where Value == [Element] {
        self.init(
            wrappedValue, help, completion, parsing == .postTerminator ? .afterTerminator : .positional,
            values: Element.allValueStrings, isRepeating: true
        ) { argument, storage in
            guard let parsed = Element(argument: argument) else { return false }
            storage.value?.append(parsed)
            return true
        }
    }
}
