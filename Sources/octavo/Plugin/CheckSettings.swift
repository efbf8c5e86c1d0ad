import PluginCheck
import Resources

/// Settings of the types under check, from the command line or a resource file.
enum CheckSettings {
    /// Values of the command line come after those of the file, and so count.
    static func read(file: String?, values: [String]) throws -> [CheckTask.Setting] {
        var settings: [CheckTask.Setting] = []
        if let file { settings = try read(file: file) }
        for value in values {
            guard let equals = value.utf8.firstIndex(of: UInt8(ascii: "=")), equals != value.startIndex else {
                throw CommandFailure("--set \(value) is not name=value.", code: Outcome.Code.misuse)
            }
            let name = String(value[..<equals])
            settings.removeAll { $0.name == name }
            settings.append(.init(name: name, value: String(value[value.utf8.index(after: equals)...])))
        }
        return settings
    }

    private static func read(file: String) throws -> [CheckTask.Setting] {
        let outcome = ResourceText.read(try FileBytes.read(path: file), file: file)
        if let problem = outcome.diagnostics.first(where: { $0.severity == .error }) {
            throw CommandFailure("\(problem)", code: Outcome.Code.misuse)
        }
        var component: ComponentResource?
        for case .component(let resource) in outcome.resources where component == nil { component = resource }
        guard let component else {
            throw CommandFailure("\(file) holds no resource of the kind Component.", code: Outcome.Code.misuse)
        }
        return try component.metadata.map { item in
            switch item.value {
            case .text(let text): return .init(name: item.name, value: text)
            case .environment(let variable):
                guard let value = Environment.variable(variable) else {
                    throw CommandFailure("\(file): the environment variable \(variable) of \(item.name) is not set.", code: Outcome.Code.misuse)
                }
                return .init(name: item.name, value: value)
            case .secret(let name, _):
                throw CommandFailure(
                    "\(file): \(item.name) is in the secret \(name), which a check can't read; give it with --set \(item.name)=VALUE.",
                    code: Outcome.Code.misuse)
            }
        }
    }
}
