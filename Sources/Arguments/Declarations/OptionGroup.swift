/// The arguments of another type, in this place. With a title the help has them under a heading of their own.
@propertyWrapper
package final class OptionGroup<Value: ParsableArguments>: DeclaringProperty {
    private let storage: ArgumentStorage<Value>
    private let title: String?

    package var wrappedValue: Value {
        get { storage.value.unsafelyUnwrapped }
        set { storage.value = newValue }
    }

    package init(title: String? = nil) {
        storage = ArgumentStorage(Value())
        self.title = title
    }

    override func declarations(property name: String) -> [Declaration] {
        wrappedValue.declarations.map { declaration in
            var declaration = declaration
            declaration.title = declaration.title ?? title
            return declaration
        }
    }

    override var groups: [any ParsableArguments] { [wrappedValue] }
}
