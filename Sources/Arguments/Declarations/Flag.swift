/// `--name`: false unless it is given.
@propertyWrapper
package final class Flag: DeclaringProperty {
    private let storage: ArgumentStorage<Bool>
    private let names: [ArgumentName]
    private let help: ArgumentHelp

    package var wrappedValue: Bool {
        get { storage.value ?? false }
        set { storage.value = newValue }
    }

    package init(wrappedValue: Bool, name: [ArgumentName] = [.long], help: ArgumentHelp = "") {
        storage = ArgumentStorage(wrappedValue)
        names = name
        self.help = help
    }

    override func declarations(property name: String) -> [Declaration] {
        let storage = self.storage
        return [
            Declaration(
                kind: .flag, names: names.map { $0.written(name) }, help: help, valueName: "", isRequired: false,
                isRepeating: false, defaultText: nil, allValues: [], completion: .none,
                take: { _ in
                    storage.value = true
                    return true
                })
        ]
    }
}
