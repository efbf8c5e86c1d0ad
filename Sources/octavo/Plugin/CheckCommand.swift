import AdminAPI
import Arguments
import COctavo
import Components
import Console
import Glibc
import PluginCheck

/// `octavo plugin check`
struct PluginCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check that a plugin keeps to the plugin ABI.",
        discussion: """
            Inspects the file; loads, starts, stops and unloads it again and again; runs the conformance cases of \
            its kinds and made-up requests, good and bad; calls it from many threads, cancels, reloads and kills. In \
            the process and isolated, and the answers are compared. The plugin runs in processes of its own, so that \
            a crash or a hang is a finding, too.

            It writes to the backend that the settings name, keys that begin with octavo-check among others: give it \
            one for tests.

            EXAMPLES
              octavo plugin check ./my-store.so
              octavo plugin check ./redis.so --set redisHost=localhost:6379
              octavo plugin check ./my-store.so --only isolated --json

            EXIT CODES
              0  every check holds
              1  there are findings
              2  misuse: no such file, or one that is no plugin; an unknown setting or kind
            """)

    @Argument(help: "The shared object.", completion: .file(extensions: ["so"]))
    var file: String
    @Option(help: ArgumentHelp("Only types of this kind.", valueName: "kind"))
    var kind: PluginKind?
    @Option(help: ArgumentHelp("A setting of the types. Can be given again.", valueName: "name=value"))
    var set: [String] = []
    @Option(
        help: ArgumentHelp("A resource of the kind Component, whose metadata are the settings.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var settings: String?
    @Option(help: ArgumentHelp("Only in this mode.", valueName: "mode"))
    var only: CheckMode?
    @OptionGroup var output: OutputFlags
    /// A part of the check that a process of its own runs: the file is the folder of the part.
    @Flag(help: .hidden)
    var runPart = false

    func run() async throws {
        if runPart { exit(await CheckWorker.run(folder: file)) }
        let path: String
        do {
            path = try PluginFiles.absolutePath(file)
        } catch var failure as CommandFailure {
            failure.code = Outcome.Code.misuse
            throw failure
        }
        var template = Array("\(Environment.variable("TMPDIR") ?? "/tmp")/octavo-check-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw CommandFailure("No folder for the check can be made: \(String(cString: strerror(errno))).")
        }
        let folder = String(cString: made)
        defer { removeAll(folder) }
        let isTerminal = isatty(STDERR_FILENO) == 1
        var check = PluginCheck(file: path, worker: ("/proc/self/exe", ["plugin", "check", "--run-part"]), folder: folder)
        check.host = DefaultFolders.pluginHost()
        if let only { check.modes = [only] }
        check.kind = kind?.number
        check.settings = try CheckSettings.read(file: settings, values: set)
        if isTerminal {
            // Return to the start of the line and erase it (ECMA-48 EL).
            check.onProgress = { Terminal.write("\r\u{1B}[KChecking \($0.printable) …", to: STDERR_FILENO) }
        }
        let report: CheckReport
        do {
            defer { if isTerminal { Terminal.write("\r\u{1B}[K", to: STDERR_FILENO) } }
            report = try check.run()
        } catch let error as PluginError {
            throw CommandFailure("\(error)", code: Outcome.Code.misuse)
        } catch let error as CheckMisuse {
            throw CommandFailure(error.description, code: Outcome.Code.misuse)
        }
        output.write(report) { CheckView.text(report, on: $0) }
        if report.failed > 0 { throw ExitCode.failure }
    }
}

extension CheckMode: ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument) }
    package static var allValueStrings: [String] { allCases.map(\.rawValue) }
}

/// A kind of components, as a flag takes it.
struct PluginKind: ExpressibleByArgument {
    let number: Int32
    let name: String

    static let all: [PluginKind] = (1...OCTAVO_KIND_LAST).compactMap { number in
        octavo_kind_at(number).map { PluginKind(number: number, name: String(cString: $0.pointee.name)) }
    }

    private init(number: Int32, name: String) { (self.number, self.name) = (number, name) }

    /// "secretstore", "secret-store" and "secret_store" are one.
    init?(argument: String) {
        func plain(_ text: String) -> String { String(text.lowercased().filter { $0 != "-" && $0 != "_" }) }
        guard let kind = Self.all.first(where: { plain($0.name) == plain(argument) }) else { return nil }
        self = kind
    }

    static var allValueStrings: [String] { all.map(\.name) }
}
