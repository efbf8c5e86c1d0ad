import Arguments

/// A command line with every kind of declaration.
struct Tool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tool", abstract: "Does things.", version: "tool 7", subcommands: [Copy.self, Group.self])
}

struct Group: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Commands in a group.", subcommands: [Wait.self])
}

struct Wait: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "wait", abstract: "Waits.")
    func run() {}
}

enum Speed: String, ExpressibleByArgument, CaseIterable {
    case slow, fast
}

/// A number above zero.
struct Count: ExpressibleByArgument, Equatable, CustomStringConvertible {
    let number: Int
    init?(argument: String) {
        guard let number = Int(argument), number > 0 else { return nil }
        self.number = number
    }
    var description: String { "\(number) times" }
}

struct Shared: ParsableArguments {
    @Option(name: [.customLong("retries"), .customShort("r")], help: ArgumentHelp("How often.", valueName: "count"))
    var tries = Count(argument: "3")!
    @Flag(name: [.long, .customShort("v")], help: "Says more.")
    var verbose = false
    @Flag(name: [.long, .customShort("q")], help: "Says less.")
    var quiet = false

    func validate() throws {
        if verbose, quiet { throw ValidationError("--verbose and --quiet contradict each other.") }
    }
}

struct Copy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copies a file to places.",
        discussion: """
            A discussion that is long enough to be filled into more than a single line of eighty columns.

            EXAMPLES
              tool copy a b --speed fast            a line that is not to be filled, however long it may be
            """)

    @OptionGroup(title: "Shared") var shared: Shared
    @Option(help: "How fast.") var speed = Speed.slow
    @Option(help: "Where from.", completion: .custom { _, _, start in [start + "1", "other"] }) var urlBase: String?
    @Option(help: "Bytes at a time.") var blockSize: Int?
    @Option(name: .customLong("only"), help: "What alone. Repeatable.") var filters: [String] = []
    @Option(help: "Whether to check.") var check = true
    @Option(help: .hidden) var secret = ""
    @Argument(help: "The file.", completion: .file(extensions: ["txt"])) var source: String
    @Argument(help: "Its kind.") var kind: Speed?
    @Argument(help: "The places.") var places: [String] = []
    @Argument(parsing: .postTerminator, help: "What to run.") var command: [String] = []

    func run() {}
}
