import COctavo
import Components
import Glibc

/// Makes and ends an instance again and again.
struct LifePart {
    let task: CheckTask
    let events: EventWriter

    private static let rounds = 90
    private static let check = "create, start, stop and destroy, 100 times, leaves nothing behind"
    private static let section = "octavo_plugin.h: octavo_life.destroy"

    func run() async throws {
        guard let type = task.type else { return }
        let bench = try await CheckStore(task)
        let untouched = ProcessState.now(fragment: task.folder)
        _ = try await bench.load()
        try await rounds(10, bench, type)
        var findings = try await ProcessState.repeated {
            let before = state(await bench.plugin())
            try await rounds(LifePart.rounds, bench, type)
            return await ProcessState.settled {
                state(await bench.plugin()).findings(since: before, after: LifePart.rounds, of: "create, start, stop and destroy")
            }
        }
        if task.mode == .inProcess { findings += ProcessState.now(fragment: task.folder).changes(since: untouched) }
        findings += bench.leftovers
        events.outcome(LifePart.check, findings, LifePart.section)
        events.doing("ending the plugin")
        await bench.close()
    }

    private func rounds(_ count: Int, _ bench: CheckStore, _ type: CheckedType) async throws {
        for _ in 0..<count {
            events.doing("create and start of an instance of \(type.name)")
            _ = try await bench.component(of: type)
            events.doing("stop and destroy of an instance of \(type.name)")
            try await bench.store.remove("checked")
        }
    }

    /// Of the process that the plugin runs in.
    private func state(_ plugin: PluginFacts?) -> ProcessState {
        guard let pid = plugin?.isolation?.pid, pid > 0 else { return ProcessState.now(fragment: task.folder) }
        var state = ProcessState()
        state.descriptors = ProcessState.openDescriptors(of: "\(pid)")
        state.threads = ProcessState.list("/proc/\(pid)/task").map {
            ProcessState.read("/proc/\(pid)/task/\($0)/comm").filter { $0 != "\n" }
        }
        return state
    }
}
