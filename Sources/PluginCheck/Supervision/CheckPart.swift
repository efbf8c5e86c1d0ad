/// In whose process the plugin's code runs.
package enum CheckMode: String, Sendable, CaseIterable {
    case inProcess = "in-process"
    case isolated
}

/// A part of the check: one process runs it, so that nothing that the plugin does there ends another.
package enum CheckPart: String, Sendable, CaseIterable {
    /// The plugin: load and unload, again and again.
    case load
    /// A type: create, start, stop and destroy, again and again.
    case life
    /// The cases of the kind.
    case conformance
    /// Requests made up from the layout table.
    case requests
    /// Many callers, while the instance comes and goes.
    case concurrency
    /// Calls that are given up, or run out of time.
    case cancel
    /// A new generation under load.
    case reload
    /// How long operations of an inline type hold their loop.
    case budget
    /// The process of the plugin is killed in the middle of calls.
    case kill

    /// What the table calls it.
    package var title: String {
        switch self {
        case .load: "load and unload"
        case .life: "life of an instance"
        case .conformance: "conformance"
        case .requests: "requests"
        case .concurrency: "many callers"
        case .cancel: "cancelled and late calls"
        case .reload: "reload under load"
        case .budget: "time of inline operations"
        case .kill: "a killed process"
        }
    }

    /// Those that are about one type.
    static func ofType(_ type: CheckedType, mode: CheckMode) -> [CheckPart] {
        [.life, .conformance, .requests, .concurrency, .cancel, .reload]
            + (mode == .isolated ? [.kill] : type.execution == "inline" ? [.budget] : [])
    }
}

/// What a process is to run.
package struct CheckTask: Sendable {
    /// The plugin's file, its whole path.
    package var file: String
    package var part: CheckPart
    package var mode: CheckMode
    /// Of the parts that are about a type.
    package var type: CheckedType?
    /// An empty folder of its own.
    package var folder: String
    /// `octavo-plugin-host`, for isolated ones.
    package var host: String?
    package var settings: [Setting]

    /// A setting of a component.
    package struct Setting: Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The name of the file in `folder` that a task is handed over in: settings may be secrets, which do not belong on
    /// a command line.
    static let fileName = "task"

    package var text: String {
        var lines = [["file", file], ["part", part.rawValue], ["mode", mode.rawValue]]
        if let type { lines.append(["type"] + type.fields) }
        if let host { lines.append(["host", host]) }
        for setting in settings { lines.append(["set", setting.name, setting.value]) }
        return lines.map { $0.map(TabSeparated.escaped).joined(separator: "\t") + "\n" }.joined()
    }

    /// Reads what `text` wrote; nil when it is something else.
    package init?(text: String, folder: String) {
        var file: String?
        var part: CheckPart?
        var mode: CheckMode?
        (type, host, settings) = (nil, nil, [])
        for line in text.split(separator: "\n") {
            let fields = TabSeparated.fields(line)
            switch (fields.first, fields.count) {
            case ("file", 2): file = fields[1]
            case ("part", 2): part = CheckPart(rawValue: fields[1])
            case ("mode", 2): mode = CheckMode(rawValue: fields[1])
            case ("type", _): type = CheckedType(fields: Array(fields.dropFirst()))
            case ("host", 2): host = fields[1]
            case ("set", 3): settings.append(Setting(name: fields[1], value: fields[2]))
            default: return nil
            }
        }
        guard let file, let part, let mode else { return nil }
        (self.file, self.part, self.mode, self.folder) = (file, part, mode, folder)
    }

    init(
        file: String, part: CheckPart, mode: CheckMode, type: CheckedType?, folder: String, host: String?, settings: [Setting]
    ) {
        (self.file, self.part, self.mode, self.type) = (file, part, mode, type)
        (self.folder, self.host, self.settings) = (folder, host, settings)
    }
}
