import AdminAPI
import Arguments
import Console
import Glibc

/// `octavo state`
struct StateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state",
        abstract: "Read and write keys of a state store, as the app would.",
        subcommands: [StateGetCommand.self, StateSetCommand.self, StateDeleteCommand.self])
}

/// The key that a state command is about.
struct StateKey: ParsableArguments {
    @Argument(help: "The state store's component name.", completion: NameCompletion.stateStores)
    var store: String
    @Argument(help: "The key, as the app names it.")
    var key: String
}

/// `octavo state get`
struct StateGetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print a key's value, byte for byte.",
        discussion: """
            Exits with 1 when the key does not exist. With --json the value is a string in `value`, or in \
            `valueBase64` when it is not UTF-8.

            EXAMPLES
              octavo state get statestore cart-1
              octavo state get statestore photo > photo.jpg
            """)

    @OptionGroup var admin: AdminFlags
    @OptionGroup var name: StateKey

    func run() throws {
        guard let item = try admin.client().stateItem(store: name.store, key: name.key) else {
            throw CommandFailure("State store '\(name.store)' has no key '\(name.key)'.")
        }
        if admin.output.json {
            admin.output.write(StateDocument(store: name.store, key: name.key, item: item)) { _ in "" }
        } else {
            Terminal.write(item.value, to: STDOUT_FILENO)
            if isatty(STDOUT_FILENO) == 1, item.value.last != 0x0A { Terminal.write("\n", to: STDOUT_FILENO) }
        }
    }
}

/// `octavo state set`
struct StateSetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Write a key.",
        discussion: """
            EXAMPLES
              octavo state set statestore cart-1 '{"items": 3}'
              octavo state set statestore photo --file photo.jpg --ttl 1h
              generate | octavo state set statestore report -
              octavo state set statestore cart-1 '{"items": 4}' --etag 7
            """)

    @OptionGroup var admin: AdminFlags
    @OptionGroup var name: StateKey
    @Argument(help: "The value; - reads it from standard input.")
    var value: String?
    @Option(help: ArgumentHelp("Read the value from a file.", valueName: "file"), completion: .file())
    var file: String?
    @Option(help: "Write only if the key has this etag.")
    var etag: String?
    @Option(help: ArgumentHelp("Remove the key after this time.", valueName: "duration"))
    var ttl: TimeSpan?

    func validate() throws {
        if (value == nil) == (file == nil) {
            throw ValidationError("Give the value, - for standard input, or --file: exactly one of them.")
        }
        if let ttl, ttl.duration < .seconds(1) {
            throw ValidationError("--ttl is shorter than a second, the least that stores can tell apart.")
        }
    }

    func run() throws {
        let bytes = try bytes()
        let write = StateWrite(value: bytes, etag: etag, ttlSeconds: ttl.map { Int($0.duration.components.seconds) })
        try admin.client().setStateItem(store: name.store, key: name.key, write: write)
        admin.output.write(StateDone(store: name.store, key: name.key, bytes: bytes.count)) { _ in
            "Wrote \(HumanFormat.bytes(Int64(bytes.count))) to \(name.key.printable) in \(name.store.printable).\n"
        }
    }

    private func bytes() throws -> [UInt8] {
        if let file { return try FileBytes.read(path: file) }
        if value == "-" { return try FileBytes.read(descriptor: STDIN_FILENO, name: "standard input") }
        return Array((value ?? "").utf8)
    }
}

/// `octavo state delete`
struct StateDeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a key. Succeeds when it does not exist.",
        discussion: """
            EXAMPLES
              octavo state delete statestore cart-1
              octavo state delete statestore cart-1 --etag 7
            """)

    @OptionGroup var admin: AdminFlags
    @OptionGroup var name: StateKey
    @Option(help: "Delete only if the key has this etag.")
    var etag: String?

    func run() throws {
        try admin.client().deleteStateItem(store: name.store, key: name.key, etag: etag)
        admin.output.write(StateDone(store: name.store, key: name.key, bytes: nil)) { _ in
            "Deleted \(name.key.printable) from \(name.store.printable).\n"
        }
    }
}
