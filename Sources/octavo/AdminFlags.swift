import AdminAPI
import Arguments
import Console
import Glibc

/// Flags of every command that talks to a running runtime.
struct AdminFlags: ParsableArguments {
    @Option(
        name: [.customLong("app-id"), .customShort("a")],
        help: ArgumentHelp("The runtime of this app. (default: the one that is running)", valueName: "app-id"),
        completion: NameCompletion.appIDs)
    var appID: String?
    @Option(help: ArgumentHelp("The runtime's admin socket, if it is not in its usual place.", valueName: "path"))
    var adminSocket: String?
    @Option(help: ArgumentHelp("How long to wait for the runtime.", valueName: "duration"))
    var timeout = TimeSpan(argument: "30s")!
    @OptionGroup var output: OutputFlags

    func validate() throws {
        if let appID { _ = try AppID.checked(appID) }
    }

    /// The runtime that the flags name; without them the only one that is there.
    func client() throws -> AdminClient {
        if let adminSocket { return AdminClient(socket: adminSocket, appID: nil, timeout: timeout.duration) }
        let appID = try appID ?? onlyAppID()
        return AdminClient(socket: AdminSocket.path(appID: appID), appID: appID, timeout: timeout.duration)
    }

    private func onlyAppID() throws -> String {
        let candidates = AdminSocket.appIDs()
        if candidates.count <= 1 { return candidates.first ?? AppID.standard }
        // Sockets of runtimes that died stay behind.
        let running = candidates.filter { AdminSocket.isListening(AdminSocket.path(appID: $0)) }
        if running.count <= 1 { return running.first ?? AppID.standard }
        throw CommandFailure(
            "Several runtimes are running: \(running.joined(separator: ", ")). Say which with --app-id.",
            code: Outcome.Code.misuse)
    }
}

/// How a command writes its result.
struct OutputFlags: ParsableArguments {
    @Flag(help: "One JSON document with stable keys, for programs.")
    var json = false

    /// Writes a result: `document` as JSON when that was asked for, else `text`.
    func write(_ document: some Encodable, text: (Terminal) -> String) {
        if json {
            Terminal.write(AdminJSON.encoded(document) + [0x0A], to: STDOUT_FILENO)
        } else {
            Terminal.write(text(Self.terminal), to: STDOUT_FILENO)
        }
    }

    private static var terminal: Terminal {
        Terminal(descriptor: STDOUT_FILENO, environment: Environment.variable)
    }
}

extension TimeSpan: CustomStringConvertible {
    /// For the default in the help.
    var description: String { HumanFormat.duration(seconds: duration / .seconds(1)) }
}
