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
            The project is in C and needs a compiler, make and pkg-config (octavo.pc comes with the installation; without \
            it: make OCTAVO_CFLAGS=-I…/include). A state store keeps its values in memory; operations of other kinds \
            answer UNIMPLEMENTED until they are written.

            EXAMPLES
              octavo plugin new my-store --kind state
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
    @Option(help: ArgumentHelp("Where it goes; must not exist yet. (default: the name)", valueName: "folder"), completion: .file())
    var folder: String?

    func run() throws {
        guard PluginProject.isID(name) else {
            throw CommandFailure(
                "The name \(name) may only hold a-z, 0-9 and -, begin with a letter, and have at most 64 of them.",
                code: Outcome.Code.misuse)
        }
        guard language == .c else {
            throw CommandFailure(
                "A project in Swift can't be made: PluginKit is no package of its own. Write it in C, or add a target beside those in "
                    + "plugins/ of Octavo's sources.",
                code: Outcome.Code.misuse, next: "octavo plugin new \(name) --kind \(kind.name) --language c")
        }
        let place = folder ?? name
        guard mkdir(place, 0o755) == 0 else {
            let cause = errno == EEXIST ? "it exists already, and nothing is overwritten; name another with --folder" : String(cString: strerror(errno))
            throw CommandFailure("The folder \(place) can't be made: \(cause).")
        }
        let project = PluginProject(id: name, kind: kind)
        for (file, text) in project.files { try write(text, to: "\(place)/\(file)") }
        Terminal.write(
            "Wrote \(place.printable): \(project.files.map(\.name).joined(separator: ", "))\n"
                + "Next: make -C \(place.printable) && octavo plugin check \(place.printable)/\(name).so\n",
            to: STDOUT_FILENO)
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
