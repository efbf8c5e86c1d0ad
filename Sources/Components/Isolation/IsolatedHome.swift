import COctavo
import NIOConcurrencyHelpers

/// Where the instances of an isolated plugin generation live: together in a process of its own, in one that it shares
/// with other plugins, or each in a process of its own.
///
/// Sendable: all constant but `cells`, which is behind a lock.
final class IsolatedHome: @unchecked Sendable {
    /// The first process; says what the plugin offers. There as long as the generation.
    private let first: PluginProcess
    private let copy: String
    private let inspection: PluginInspection
    private let generation: Int
    private let isolation: LoadedPlugin.Isolation
    private let cells: NIOLockedValueBox<[Cell]>

    /// A process and the component that has it, "" for none; where components share one, that is not written down.
    private struct Cell {
        var process: PluginProcess
        var component = ""
    }

    /// Starts the plugin's first process, or loads it into its group's. Blocks; on a control thread.
    static func open(
        _ copy: String, _ inspection: PluginInspection, generation: Int, _ isolation: LoadedPlugin.Isolation
    ) throws(PluginError) -> IsolatedHome {
        func start() throws(PluginError) -> IsolatedPlugin {
            try IsolatedPlugin.start(path: copy, original: inspection.path, generation: generation, isolation)
        }
        let process: PluginProcess
        if let group = isolation.settings.group {
            let place = try isolation.groups.join(group, path: copy, original: inspection.path, start: start)
            process = PluginProcess(place.process, member: place.member)
        } else {
            process = PluginProcess(try start())
        }
        return IsolatedHome(process, copy, inspection, generation, isolation)
    }

    private init(
        _ first: PluginProcess, _ copy: String, _ inspection: PluginInspection, _ generation: Int, _ isolation: LoadedPlugin.Isolation
    ) {
        self.first = first
        self.copy = copy
        self.inspection = inspection
        self.generation = generation
        self.isolation = isolation
        cells = NIOLockedValueBox([Cell(process: first)])
    }

    var descriptor: UnsafePointer<octavo_plugin> { first.isolated.descriptor(of: first.member) }

    var processes: [PluginProcess] { cells.withLockedValue { $0.map(\.process) } }

    /// The process for an instance of that component.
    func claim(for component: String) async throws(PluginError) -> PluginProcess {
        guard isolation.settings.isPerComponent else { return first }
        let free = cells.withLockedValue { cells -> PluginProcess? in
            guard let index = cells.firstIndex(where: { $0.component.isEmpty }) else { return nil }
            cells[index].component = component
            return cells[index].process
        }
        if let free { return free }
        let started = await ControlThread.run(within: IsolatedPlugin.loading * 2) { [self] () -> Result<PluginProcess, PluginError> in
            Result { () throws(PluginError) in
                let made = try IsolatedPlugin.start(path: copy, original: inspection.path, generation: generation, isolation)
                let process = PluginProcess(made)
                cells.withLockedValue { $0.append(Cell(process: process, component: component)) }
                return process
            }
        }
        guard let started else {
            throw .loading(path: inspection.path, cause: "its process for component \(component) has not started within \(IsolatedPlugin.loading * 2)")
        }
        return try started.get()
    }

    /// An instance in it is gone; another component may have the process, if it is the first one.
    func release(_ process: PluginProcess) {
        let isOver = cells.withLockedValue { cells in
            guard let index = cells.firstIndex(where: { $0.process === process }) else { return false }
            cells[index].component = ""
            if process === first { return false }
            cells.remove(at: index)
            return true
        }
        if isOver { Task { _ = await process.isolated.end() } }
    }

    /// Ends it; no instance is left. Returns why the plugin's code is still mapped somewhere, `nil` when it is gone.
    func close() async -> String? {
        if let group = isolation.settings.group {
            return await isolation.groups.leave(
                group, first.isolated, member: first.member,
                unmaps: inspection.unloadClass == .clean && descriptor.pointee.flags & UInt32(OCTAVO_PLUGIN_UNLOADABLE) != 0)
        }
        return await first.isolated.end()
    }

    /// What lists show: of several processes the sums, and the state of the one that is worst off.
    var facts: IsolatedPlugin.Facts {
        var facts = first.isolated.facts
        let all = cells.withLockedValue { $0 }
        guard isolation.settings.isPerComponent else { return facts }
        facts.processes = []
        for cell in all {
            let one = cell.process.isolated.facts
            if !cell.component.isEmpty { facts.processes.append((cell.component, one.pid, one.memory)) }
            if cell.process === first { continue }
            if one.pid == 0 {
                facts.pid = 0
                facts.lastEnd = one.lastEnd
            }
            facts.isLooping = facts.isLooping || one.isLooping
            facts.isRestarting = facts.isRestarting || one.isRestarting
            facts.restarts += one.restarts
            facts.memory += one.memory
            facts.descriptors += one.descriptors
            facts.spares += one.spares
        }
        return facts
    }
}
