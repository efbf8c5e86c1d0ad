import AdminAPI
import Arguments
import Console
import Glibc

/// `octavo component docs`
struct ComponentDocsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "docs",
        abstract: "Show what a component type is for, its metadata, and an example.",
        discussion: """
            Without a type it lists all types of the plugins. No runtime is needed; the plugins are read in processes of
            their own.

            EXAMPLES
              octavo component docs
              octavo component docs state.redis
              octavo component docs pubsub.redis --json | jq -r .example > pubsub.yaml
            """)

    @Argument(help: "A component type, such as state.redis.")
    var type: String?
    @Flag(help: "As Markdown.")
    var markdown = false
    @Option(help: ArgumentHelp("Write a page for each type, and a list of them, into this folder.", valueName: "folder"))
    var into: String?
    @Option(
        name: .customLong("plugins-dir"),
        help: ArgumentHelp("Folder with plugins. Repeatable. (default: the installed ones)", valueName: "folder"))
    var pluginsDirs: [String] = []
    @OptionGroup var output: OutputFlags

    func run() throws {
        let entries = try ComponentTypes.all(folders: pluginsDirs.isEmpty ? DefaultFolders.plugins() : pluginsDirs) {
            Terminal.write(Array("octavo: \($0.printable)\n".utf8), to: STDERR_FILENO)
        }
        if let into { return try write(entries, into) }
        guard let type else {
            let list = TypeList(types: entries.map { TypeDocument($0) })
            if markdown, !output.json { return Terminal.write(Array(ComponentPage.index(entries).utf8), to: STDOUT_FILENO) }
            return output.write(list) { ComponentDocsView.table(entries, on: $0) }
        }
        guard let entry = entries.first(where: { $0.type.name == type || $0.aliases.contains(type) }) else {
            let hint = Suggestion.nearest(to: type, in: entries.map(\.type.name)).map { " Did you mean \($0)?" } ?? ""
            throw CommandFailure("No plugin offers the type \(type).\(hint)", next: "octavo component docs")
        }
        if markdown, !output.json { return Terminal.write(Array(ComponentPage.markdown(entry).utf8), to: STDOUT_FILENO) }
        output.write(TypeDocument(entry)) { ComponentDocsView.text(entry, on: $0) }
    }

    /// Pages of types that are no longer there go.
    private func write(_ entries: [ComponentTypes.Entry], _ folder: String) throws {
        mkdir(folder, 0o755)
        var pages = entries.map { ("\($0.type.name).md", ComponentPage.markdown($0)) }
        pages.append(("README.md", ComponentPage.index(entries)))
        for name in ComponentDocsView.files(in: folder) where name.hasSuffix(".md") && !pages.contains(where: { $0.0 == name }) {
            unlink("\(folder)/\(name)")
        }
        for (name, text) in pages {
            let path = "\(folder)/\(name)"
            let file = fopen(path, "w")
            let isWritten = file != nil && fputs(text, file) >= 0
            guard isWritten, fclose(file) == 0 else { throw CommandFailure("\(path) can't be written: \(String(cString: strerror(errno))).") }
        }
    }
}

/// `octavo component docs --json`.
struct TypeList: Encodable {
    var types: [TypeDocument]
}

struct TypeDocument: Encodable {
    var type: ComponentType
    var plugin: String
    var pluginVersion: String
    var aliases: [String]
    /// A component's file, as text.
    var example: String

    init(_ entry: ComponentTypes.Entry) {
        type = entry.type
        plugin = entry.plugin
        pluginVersion = entry.pluginVersion
        aliases = entry.aliases
        example = ComponentExample.yaml(entry.type)
    }
}

/// Types for eyes.
enum ComponentDocsView {
    static func text(_ entry: ComponentTypes.Entry, on terminal: Terminal) -> String {
        let heading = { (text: String) in Style.header.applied(to: text, colour: terminal.colour) + "\n" }
        var list = FieldList()
        list.add("plugin", "\(entry.plugin) \(entry.pluginVersion)")
        if entry.isExclusive { list.add("instances", "one at a time: calls wait while it is replaced") }
        if entry.isSingleton { list.add("components", "one of the type") }
        if entry.holdsState { list.add("state", "in memory; a reload takes it along") }
        for (name, about) in entry.operationTexts.sorted(by: { $0.key < $1.key }) { list.add(name, about) }
        return ComponentTypeView.text(entry.type, on: terminal) + "\n" + list.rendered(colour: terminal.colour, indent: 2) + "\n"
            + heading("EXAMPLE") + ComponentExample.yaml(entry.type)
    }

    static func table(_ entries: [ComponentTypes.Entry], on terminal: Terminal) -> String {
        if entries.isEmpty { return "There are no plugins in the folders.\n" }
        var table = Table([
            Table.Column("TYPE"), Table.Column("PLUGIN"), Table.Column("ABOUT", canShrink: true),
        ])
        for entry in entries {
            table.add(
                Table.Cell("\(entry.type.name)/\(entry.type.version)"), Table.Cell(entry.plugin),
                Table.Cell(entry.type.description ?? entry.type.title))
        }
        return table.rendered(width: terminal.width, colour: terminal.colour)
    }

    static func files(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }
}
