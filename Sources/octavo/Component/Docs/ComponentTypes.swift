import AdminAPI
import Components
import Glibc
import Runtime

/// Component types of the plugins in some folders, as the plugins themselves describe them: each in a process of its own,
/// without a runtime.
enum ComponentTypes {
    /// One type, and the plugin that has it.
    struct Entry: Equatable {
        var plugin: String
        var pluginVersion: String
        var type: ComponentType
        var aliases: [String]
        /// There may be one instance of a component at a time, or one component of the type.
        var isExclusive: Bool
        var isSingleton: Bool
        var holdsState: Bool
        /// The least and the largest number that a field may hold, by its name.
        var limits: [String: String]
        /// What the operations of a binding do, by their names.
        var operationTexts: [String: String]
    }

    /// Types by name. Plugins that can't be described are left out, with a sentence to `complain`.
    static func all(folders: [String], complain: (String) -> Void) throws -> [Entry] {
        guard let host = DefaultFolders.pluginHost() else {
            throw CommandFailure("octavo-plugin-host is neither beside the executable nor in ../lib/octavo; install it.")
        }
        var entries: [Entry] = []
        for plugin in PluginCatalog(folders: folders).plugins {
            let (text, code) = try output(of: host, ["describe", plugin.path])
            guard code == 0, let described = try? AdminJSON.decoded(Described.self, from: text) else {
                complain("The plugin \(plugin.path) can't be described; see `octavo plugin check \(plugin.path)`.")
                continue
            }
            entries += described.types.map { $0.entry(of: described) }
        }
        return entries.sorted { $0.type.name < $1.type.name }
    }

    private static func output(of executable: String, _ arguments: [String]) throws -> ([UInt8], Int32) {
        var pipes: [Int32] = [0, 0]
        guard pipe(&pipes) == 0 else { throw CommandFailure("No pipe: \(String(cString: strerror(errno))).") }
        for descriptor in pipes { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        defer { close(pipes[0]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
        var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var process = pid_t()
        let failed = posix_spawn(&process, executable, &actions, nil, &argv, environ)
        close(pipes[1])
        guard failed == 0 else { throw CommandFailure("\(executable) can't be run: \(String(cString: strerror(failed))).") }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(pipes[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            text += buffer[..<count]
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return (text, status)
    }
}

/// What `octavo-plugin-host describe` prints.
private struct Described: Decodable {
    struct Field: Decodable {
        var name: String
        var type: String
        var aliases: [String]
        var allowed: [String]
        var required: Bool
        var sensitive: Bool
        var hot: Bool
        var minimum: Double?
        var maximum: Double?
        var `default`: String?
        var profile: String?
        var deprecatedBy: String?
        var description: String
        var example: String?

        var field: SchemaField {
            SchemaField(
                name: name, aliases: aliases, type: type, required: required, defaultValue: `default`, allowedValues: allowed,
                description: description, example: example, sensitive: sensitive, hot: hot, successor: deprecatedBy, profile: profile)
        }

        /// `1 to 8`, `at least 1`.
        var limits: String? {
            func text(_ number: Double) -> String { number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)" }
            // Durations are told in nanoseconds, which nobody would write.
            guard type == "integer" || type == "number" else { return nil }
            switch (minimum, maximum) {
            case (let least?, let most?): return "\(text(least)) to \(text(most))"
            case (let least?, nil): return "at least \(text(least))"
            case (nil, let most?): return "at most \(text(most))"
            case (nil, nil): return nil
            }
        }
    }

    struct Operation: Decodable {
        var name: String
        var description: String
    }

    struct OfType: Decodable {
        var name: String
        var version: String
        var kind: String
        var execution: String
        var aliases: [String]
        var features: UInt64
        var calls: [String]
        var singleton: Bool
        var exclusive: Bool
        var holdsState: Bool
        var title: String?
        var description: String?
        var maturity: String?
        var fields: [Field]?
        var links: [String]?
        var operations: [Operation]?

        /// By these the runtime steers what a component delivers; nobody asks for them.
        private static let steering = ["credit", "settle", "close", "unsubscribe", "unwatch"]

        func entry(of plugin: Described) -> ComponentTypes.Entry {
            let operations = operations ?? []
            let fields = fields ?? []
            let type = ComponentType(
                name: name, version: version, kind: kind, title: title, description: description, maturity: maturity,
                execution: execution, features: Capabilities.words(kind: kind, features: features),
                operations: operations.isEmpty ? calls.filter { !Self.steering.contains($0) } : operations.map(\.name), fields: fields.map(\.field), link: links?.first)
            return ComponentTypes.Entry(
                plugin: plugin.id, pluginVersion: plugin.version, type: type, aliases: aliases, isExclusive: exclusive,
                isSingleton: singleton, holdsState: holdsState,
                limits: Dictionary(fields.compactMap { field in field.limits.map { (field.name, $0) } }, uniquingKeysWith: { one, _ in one }),
                operationTexts: Dictionary(operations.map { ($0.name, $0.description) }, uniquingKeysWith: { one, _ in one }))
        }
    }

    var id: String
    var version: String
    var types: [OfType]
}
