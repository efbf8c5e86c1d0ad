import COctavo
import COctavoHost
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import TextSearch

/// One generation of a plugin in this process: mapped, checked and started.
///
/// Sendable: all it holds is constant after `load`, but for `users`, which is behind a lock, and
/// `isMapped`, which `unmap` alone changes, when nothing uses the plugin any more. The pointers are into
/// the mapped object; `stale` is never freed.
final class LoadedPlugin: @unchecked Sendable {
    let inspection: PluginInspection
    let generation: Int
    let copy: String
    let descriptor: UnsafePointer<octavo_plugin>
    let types: [PluginType]
    let id: String
    let version: String
    private let handle: UnsafeMutableRawPointer?
    /// What the flight recorder calls it; 0 when it is in another process.
    let recorded: UInt32
    /// Where it runs, when that is not this process: its first process, which says what it offers, and how to get more.
    private let home: IsolatedHome?
    var isIsolated: Bool { home != nil }
    private(set) var isMapped = true
    /// Completions of its calls that came too late or twice.
    let stale: UnsafeMutablePointer<UInt64>
    /// Instances that exist.
    private let users = NIOLockedValueBox(0)

    /// What loading, `start` and `stop` may take: they do no I/O.
    private static let patience = Duration.seconds(10)

    /// One more instance, in that process. `endUse` tells of its end.
    func beginUse() { users.withLockedValue { $0 += 1 } }
    func endUse(of process: PluginProcess?) {
        if let process { home?.release(process) }
        users.withLockedValue { $0 -= 1 }
    }

    /// The process for an instance of a component; `nil`: this one. May start it.
    func process(for component: String) async throws(PluginError) -> PluginProcess? { try await home?.claim(for: component) }

    /// All its processes; none when it runs in this one.
    var processes: [PluginProcess] { home?.processes ?? [] }
    /// `nil` when it runs in this process.
    var isolationFacts: IsolatedPlugin.Facts? { home?.facts }

    var instances: Int { users.withLockedValue { $0 } }

    /// Copies, maps, checks and starts the plugin, on a thread of its own: constructors of a library may
    /// block.
    static func load(
        path: String, generation: Int, staging: PluginStaging, isolation: Isolation? = nil
    ) async throws(PluginError) -> LoadedPlugin {
        let loaded = await ControlThread.run(within: patience * 2) { () -> Result<LoadedPlugin, PluginError> in
            Result { () throws(PluginError) in
                guard let isolation else {
                    return try loadHere(path: path, generation: generation, staging: staging)
                }
                return try loadIsolated(path: path, generation: generation, staging: staging, isolation)
            }
        }
        guard let loaded else {
            throw .loading(path: path, cause: "it has not returned from loading within \(patience)")
        }
        return try loaded.get()
    }

    private static func loadHere(
        path: String, generation: Int, staging: PluginStaging
    ) throws(PluginError) -> LoadedPlugin {
        let file = try PluginFile(path: path)
        let bytes = try file.loadedPart()
        let inspection = try PluginInspection(path: path, bytes: bytes, identity: file.identity)
        if inspection.unloadClass == .isolatedOnly {
            throw .isolatedOnly(path: path, cause: inspection.unloadReason)
        }
        let copy = try staging.stage(inspection, file, generation: generation)
        do throws(PluginError) {
            // What was inspected is what gets mapped, even if the file is being overwritten.
            guard try PluginFile(path: copy).loadedPart() == bytes else {
                throw .loading(path: path, cause: "the file was changed while it was read; try again")
            }
            let plugin = try mapped(inspection, copy: copy, generation: generation)
            do throws(PluginError) {
                try FlightRecorder.inside(plugin.recorded) { () throws(PluginError) in try plugin.start() }
            } catch {
                plugin.unmap()
                throw error
            }
            return plugin
        } catch {
            staging.remove(copy)
            throw error
        }
    }

    /// Named before its constructors run.
    private static func mapped(
        _ inspection: PluginInspection, copy: String, generation: Int
    ) throws(PluginError) -> LoadedPlugin {
        let recorded = FlightRecorder.add(inspection, path: copy, generation: generation)
        do throws(PluginError) {
            return try FlightRecorder.inside(recorded) { () throws(PluginError) in
                try LoadedPlugin(inspection: inspection, copy: copy, generation: generation, recorded: recorded)
            }
        } catch {
            octavo_recorder_remove_plugin(recorded)
            throw error
        }
    }

    /// What a plugin needs to run in a helper process.
    struct Isolation: Sendable {
        let options: IsolationOptions
        let settings: PluginIsolation
        /// Who wants it, for lists.
        let reason: String
        let groups: IsolationGroups
        let loops: [NIOLoopBound<CallLoop>]
        let logger: Logger
    }

    /// Copies the plugin and starts a helper process with it. No code of it runs here.
    private static func loadIsolated(
        path: String, generation: Int, staging: PluginStaging, _ isolation: Isolation
    ) throws(PluginError) -> LoadedPlugin {
        let file = try PluginFile(path: path)
        let bytes = try file.loadedPart()
        let inspection = try PluginInspection(path: path, bytes: bytes, identity: file.identity)
        let copy = try staging.stage(inspection, file, generation: generation)
        do throws(PluginError) {
            guard try PluginFile(path: copy).loadedPart() == bytes else {
                throw .loading(path: path, cause: "the file was changed while it was read; try again")
            }
            let home = try IsolatedHome.open(copy, inspection, generation: generation, isolation)
            do throws(PluginError) {
                return try LoadedPlugin(home, inspection: inspection, copy: copy, generation: generation)
            } catch {
                Task { _ = await home.close() }
                throw error
            }
        } catch {
            staging.remove(copy)
            throw error
        }
    }

    private init(
        _ home: IsolatedHome, inspection: PluginInspection, copy: String, generation: Int
    ) throws(PluginError) {
        let host = octavo_host_table()
        let descriptor = home.descriptor
        types = try DescriptorCheck(path: inspection.path, note: inspection.note)
            .check(descriptor, hostFeatures: host.pointee.features, hostMinor: host.pointee.minor).map { PluginType($0) }
        self.inspection = inspection
        self.copy = copy
        self.generation = generation
        self.descriptor = descriptor
        self.home = home
        handle = nil
        recorded = 0
        stale = .allocate(capacity: 1)
        stale.initialize(to: 0)
        id = String(descriptor.pointee.id)
        version = String(descriptor.pointee.version)
    }

    private init(inspection: PluginInspection, copy: String, generation: Int, recorded: UInt32) throws(PluginError) {
        let path = inspection.path
        guard let handle = dlopen(copy, RTLD_NOW | RTLD_LOCAL) else {
            throw .loading(path: path, cause: LoadedPlugin.loaderError(copy: copy, path: path))
        }
        octavo_fault_modules()
        guard let symbol = dlsym(handle, OCTAVO_ENTRY_SYMBOL) else {
            dlclose(handle)
            throw .noEntry(path: path)
        }
        let entry = unsafeBitCast(symbol, to: octavo_plugin_v1_fn.self)
        guard let descriptor = entry() else {
            dlclose(handle)
            throw .entryReturnedNothing(path: path)
        }
        let host = octavo_host_table()
        do throws(PluginError) {
            let types = try DescriptorCheck(path: path, note: inspection.note)
                .check(descriptor, hostFeatures: host.pointee.features, hostMinor: host.pointee.minor)
            self.types = types.map { PluginType($0) }
        } catch {
            dlclose(handle)
            throw error
        }
        self.inspection = inspection
        self.copy = copy
        self.generation = generation
        self.descriptor = descriptor
        self.handle = handle
        self.recorded = recorded
        home = nil
        stale = .allocate(capacity: 1)
        stale.initialize(to: 0)
        id = String(descriptor.pointee.id)
        version = String(descriptor.pointee.version)
    }

    private static func loaderError(copy: String, path: String) -> String {
        guard let text = dlerror() else { return "the loader gave no reason" }
        // The operator knows the plugin by its own path, not by our copy's.
        var message = String(cString: text)
        if let range = message.range(ofText: copy) { message.replaceSubrange(range, with: path) }
        return message
    }

    func type(named name: String) -> PluginType? {
        types.first { $0.name == name || $0.aliases.contains(name) }
    }

    private func start() throws(PluginError) {
        guard let start = descriptor.pointee.start else { return }
        let failure = ControlCalls.synchronous { call in start(octavo_host_table(), call) }
        if let failure { throw .startFailed(path: inspection.path, cause: failure.message) }
    }

    /// Tells the plugin that its last instance is gone, and unmaps it if its class allows that. Returns
    /// why it stays mapped, `nil` when it is really gone. While instances exist nothing is done.
    func retire() async -> String? {
        let left = instances
        guard left == 0 else { return left == 1 ? "an instance of it has not ended" : "\(left) instances of it have not ended" }
        let plugin = self
        if let home {
            let remains = await home.close()
            if remains == nil { isMapped = false }
            return remains
        }
        let outcome = await ControlThread.run(within: LoadedPlugin.patience) { () -> String? in
            if let stop = plugin.descriptor.pointee.stop { FlightRecorder.inside(plugin.recorded) { stop() } }
            guard plugin.inspection.unloadClass == .clean else { return plugin.inspection.unloadReason }
            guard plugin.descriptor.pointee.flags & UInt32(OCTAVO_PLUGIN_UNLOADABLE) != 0 else {
                return "it does not say that it can be unloaded"
            }
            plugin.unmap()
            return plugin.isMapped ? "the loader keeps it: something else has opened it" : nil
        }
        return outcome ?? "its stop has not returned within \(LoadedPlugin.patience)"
    }

    private func unmap() {
        guard let handle else { return }
        FlightRecorder.inside(recorded) { _ = dlclose(handle) }
        // NOLOAD finds the object only when something still holds it.
        if let still = dlopen(copy, RTLD_NOW | RTLD_NOLOAD) {
            dlclose(still)
        } else {
            isMapped = false
            octavo_recorder_remove_plugin(recorded)
        }
    }
}
