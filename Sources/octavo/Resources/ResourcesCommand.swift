import AdminAPI
import Arguments
import Console

/// `octavo resources`
struct ResourcesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resources",
        abstract: "Have the runtime read its resource files.",
        subcommands: [ResourcesReloadCommand.self])
}

/// `octavo resources reload`
struct ResourcesReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Read the resource files again and take in what has changed.",
        discussion: """
            The runtime does so by itself when a file changes; this waits for the outcome. What is wrong is refused,
            with its cause, and what was there before stays. Exits with 1 when something was refused.

            EXAMPLES
              octavo resources reload
              octavo resources reload --json | jq '.refused'
            """)

    @OptionGroup var admin: AdminFlags

    func run() throws {
        let change = try Progress.shown("Reading the resources") { try admin.client().reloadResources() }
        admin.output.write(change) { ResourcesView.text(change, on: $0) }
        if !change.refused.isEmpty { throw ExitCode(Outcome.Code.failed) }
    }
}

/// What a reload of the resources did, for eyes.
enum ResourcesView {
    static func text(_ change: ResourcesChange, on terminal: Terminal) -> String {
        var list = FieldList()
        func add(_ name: String, _ all: [String]) {
            if !all.isEmpty { list.add(name, all.joined(separator: ", ")) }
        }
        add("created", change.created)
        add("updated", change.updated)
        add("deleted", change.deleted)
        for one in change.refused { list.add("refused", "\(one.resource): \(one.cause)", .bad) }
        for note in change.notes { list.add("note", note) }
        if change.isEmpty, change.notes.isEmpty { list.add("unchanged", "everything runs as the files say") }
        list.add("took", HumanFormat.duration(nanoseconds: change.durationNanoseconds))
        return list.rendered(colour: terminal.colour)
    }
}
