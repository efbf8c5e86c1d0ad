import AdminAPI
import Arguments
import Console

/// `octavo status`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show whether the runtime is ready, what it listens on and how busy it is.",
        discussion: """
            Exits with 0 when the runtime is ready, 1 when it is not, 3 when it can't be reached.

            EXAMPLES
              octavo status
              octavo status --app-id shop --json
            """)

    @OptionGroup var admin: AdminFlags

    func run() throws {
        let status = try admin.client().status()
        admin.output.write(status) { StatusView.text(status, on: $0) }
        if !status.ready { throw ExitCode(Outcome.Code.failed) }
    }
}

/// A runtime's status for eyes.
enum StatusView {
    static func text(_ status: RuntimeStatus, on terminal: Terminal) -> String {
        var list = FieldList()
        list.add("app id", status.appID)
        list.add("state", status.ready ? "ready" : "not ready", status.ready ? .good : .bad)
        for reason in status.notReadyReasons { list.add("because", reason, .bad) }
        list.add("version", status.version)
        list.add("process", "\(status.processID)")
        list.add("running for", HumanFormat.duration(seconds: status.uptimeSeconds))
        for address in status.addresses { list.add(address.purpose, address.address) }
        if let app = status.app { list.add("app", describe(app), app.healthy ? .good : .bad) }
        list.add("event loops", "\(status.eventLoops)")
        list.add("memory", HumanFormat.bytes(status.residentBytes))
        list.add("connections", HumanFormat.count(Int64(status.openConnections)))
        list.add("descriptors", HumanFormat.count(Int64(status.openDescriptors)))
        list.add("plugins", "\(status.pluginCount)")
        let failed = status.failedComponentCount
        list.add(
            "components", "\(status.componentCount)" + (failed > 0 ? ", \(failed) failed" : ""),
            failed > 0 ? .bad : .plain)
        for problem in status.resourceProblems ?? [] { list.add("resources", problem, .bad) }
        list.add("calls", CallView.text(CallStatistics(calls: status.calls, errors: status.errors)))
        list.add("data", status.dataFolder)
        list.add("plugin folders", status.pluginFolders.joined(separator: ", "))
        return list.rendered(colour: terminal.colour)
    }

    private static func describe(_ app: AppStatus) -> String {
        var parts = [app.healthy ? "healthy" : "unhealthy"]
        if let address = app.address { parts.append("at \(address)") }
        if let process = app.processID { parts.append("process \(process)") }
        return parts.joined(separator: ", ") + (app.reason.map { ": \($0)" } ?? "")
    }
}
