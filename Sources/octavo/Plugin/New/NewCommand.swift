import Arguments
import COctavo
import Console
import Glibc

/// `octavo plugin new`
struct PluginNewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Write the beginning of a plugin: a project that builds and that `plugin check` finds nothing in.",
        discussion: """
            A project in C needs a compiler, make and pkg-config (octavo.pc comes with the installation; without it: \
            make OCTAVO_CFLAGS=-I…/include). A state store keeps its values in memory; operations of other kinds answer \
            UNIMPLEMENTED until they are written. A project in Swift, for a state or secret store, needs the Swift \
            toolchain and the plugin kit, which comes with the installation, too.

            EXAMPLES
              octavo plugin new my-store --kind state
              octavo plugin new my-store --kind state --language swift
              octavo plugin new my-lock --kind lock --folder ./plugins/my-lock
            """)

    /// What a project is written in.
    enum Language: String, CaseIterable, ExpressibleByArgument {
        case c
        case swift
    }

    @Argument(help: "The plugin's id: a-z, 0-9 and -.")
    var name: String
    @Option(help: ArgumentHelp("The kind of its component type.", valueName: "kind"))
    var kind = PluginKind(argument: "state")!
    @Option(help: ArgumentHelp("What it is written in.", valueName: "language"))
    var language = Language.c
    @Option(
        help: ArgumentHelp(
            "The plugin kit that a project in Swift builds on. (default: the one that came with this program)", valueName: "folder"),
        completion: .file())
    var kit: String?
    @Option(help: ArgumentHelp("Where it goes; must not exist yet. (default: the name)", valueName: "folder"), completion: .file())
    var folder: String?

    func run() throws {
        guard PluginProject.isID(name) else {
            throw CommandFailure(
                "The name \(name) may only hold a-z, 0-9 and -, begin with a letter, and have at most 64 of them.",
                code: Outcome.Code.misuse)
        }
        let place = folder ?? name
        let files = try files(for: place)
        guard mkdir(place, 0o755) == 0 else {
            let cause = errno == EEXIST ? "it exists already, and nothing is overwritten; name another with --folder" : String(cString: strerror(errno))
            throw CommandFailure("The folder \(place) can't be made: \(cause).")
        }
        for (file, text) in files { try write(text, file, in: place) }
        Terminal.write(
            "Wrote \(place.printable): \(files.map(\.name).joined(separator: ", "))\n"
                + "Next: make -C \(place.printable) && octavo plugin check \(place.printable)/\(name).so\n",
            to: STDOUT_FILENO)
    }

    /// What the project consists of; throws before anything is written.
    private func files(for place: String) throws -> [(name: String, text: String)] {
        guard language == .swift else {
            if kit != nil {
                throw CommandFailure(
                    "--kit is for projects in Swift; a project in C builds on the header files. Leave it out, or add --language swift.",
                    code: Outcome.Code.misuse)
            }
            return PluginProject(id: name, kind: kind).files
        }
        guard SwiftProject.offers(kind) else {
            throw CommandFailure(
                "A plugin of the kind \(kind.name) can't be begun in Swift yet: there are projects for state and secret-store alone. "
                    + "Write it in C.",
                code: Outcome.Code.misuse, next: "octavo plugin new \(name) --kind \(kind.name) --language c")
        }
        let kit = try SwiftProject.kit(named: kit)
        guard SwiftProject.identity(place) != SwiftProject.identity(kit) else {
            throw CommandFailure(
                "The folder \(place) would have the name of the plugin kit, and packages are told apart by it; name another with --folder.",
                code: Outcome.Code.misuse)
        }
        return SwiftProject(id: name, kind: kind, kit: kit).files
    }

    /// Makes the folders that the file's name asks for.
    private func write(_ text: String, _ name: String, in place: String) throws {
        var folder = place
        for part in name.split(separator: "/").dropLast() {
            folder += "/" + part
            guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
                throw CommandFailure("The folder \(folder) can't be made: \(String(cString: strerror(errno))).")
            }
        }
        try write(text, to: place + "/" + name)
    }

    private func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw CommandFailure("\(path) can't be written: \(String(cString: strerror(errno))).") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw CommandFailure("\(path) can't be written: \(String(cString: strerror(errno))).")
        }
    }
}

extension PluginKind {
    /// The default in the help.
    var defaultValueDescription: String { name }
}
