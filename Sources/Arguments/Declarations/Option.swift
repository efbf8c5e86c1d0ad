/// `--name value`: a property with a default, an optional one, or a list that each mention adds to.
@propertyWrapper
package final class Option<Value>: DeclaringProperty {
    private let storage: ArgumentStorage<Value>
    private let declare: (String, ArgumentStorage<Value>) -> Declaration

    package var wrappedValue: Value {
        // An option always has a default.
        get { storage.value.unsafelyUnwrapped }
        set { storage.value = newValue }
    }

    override func declarations(property name: String) -> [Declaration] { [declare(name, storage)] }

    private init(
        _ value: Value, _ names: [ArgumentName], _ help: ArgumentHelp, _ completion: CompletionKind,
        values: [String], defaultText: String?, isRepeating: Bool = false,
        take: @escaping (String, inout Value) -> Bool
    ) {
        storage = ArgumentStorage(value)
        declare = { property, storage in
            let written = names.map { $0.written(property) }
            let long = written.first { $0.hasPrefix("--") }.map { String($0.dropFirst(2)) }
            return Declaration(
                kind: .option, names: written, help: help, valueName: help.valueName ?? long ?? property,
                isRequired: false, isRepeating: isRepeating, defaultText: defaultText, allValues: values,
                completion: completion, take: { take($0, &storage.value!) })
        }
    }

    package convenience init(
        wrappedValue: Value, name: [ArgumentName] = [.long], help: ArgumentHelp = "", completion: CompletionKind = .none
    ) where Value: ExpressibleByArgument {
        let text = wrappedValue.defaultValueDescription
        self.init(
            wrappedValue, name, help, completion, values: Value.allValueStrings, defaultText: text.isEmpty ? nil : text
        ) { argument, value in
            guard let parsed = Value(argument: argument) else { return false }
            value = parsed
            return true
        }
    }

    package convenience init<Wrapped: ExpressibleByArgument>(
        wrappedValue: Wrapped? = nil, name: [ArgumentName] = [.long], help: ArgumentHelp = "",
        completion: CompletionKind = .none
    ) where Value == Wrapped? {
        self.init(wrappedValue, name, help, completion, values: Wrapped.allValueStrings, defaultText: nil) {
            argument, value in
            guard let parsed = Wrapped(argument: argument) else { return false }
            value = parsed
            return true
        }
    }

    package convenience init<Element: ExpressibleByArgument>(
        wrappedValue: [Element], name: [ArgumentName] = [.long], help: ArgumentHelp = "",
        completion: CompletionKind = .none
    ) where Value == [Element] {
        self.init(
            wrappedValue, name, help, completion, values: Element.allValueStrings, defaultText: nil, isRepeating: true
        ) { argument, value in
            guard let parsed = Element(argument: argument) else { return false }
            value.append(parsed)
            return true
        }
    }
}

extension Option {
    /// The same with one name.
    package convenience init<Element: ExpressibleByArgument>(
        wrappedValue: [Element], name: ArgumentName, help: ArgumentHelp = "", completion: CompletionKind = .none
    ) where Value == [Element] {
        self.init(wrappedValue: wrappedValue, name: [name], help: help, completion: completion)
    }

    /// The same with one name.
    package convenience init<Wrapped: ExpressibleByArgument>(
        wrappedValue: Wrapped? = nil, name: ArgumentName, help: ArgumentHelp = "", completion: CompletionKind = .none
    ) where Value == Wrapped? {
        self.init(wrappedValue: wrappedValue, name: [name], help: help, completion: completion)
    }

    /// The same with one name.
    package convenience init(
        wrappedValue: Value, name: ArgumentName, help: ArgumentHelp = "", completion: CompletionKind = .none
    ) where Value: ExpressibleByArgument {
        self.init(wrappedValue: wrappedValue, name: [name], help: help, completion: completion)
    }
}
