import COctavo
import COctavoHost
import Glibc

/// One generation of a plugin in this process: mapped, checked and started.
///
/// Sendable: all it holds is constant after `load`, but for `isMapped`, which the component store alone
/// changes, when nothing uses the plugin any more. The pointers are into the mapped object.
final class LoadedPlugin: @unchecked Sendable {
    let inspection: PluginInspection
    let generation: Int
    let copy: String
    let descriptor: UnsafePointer<octavo_plugin>
    let types: [PluginType]
    let id: String
    let version: String
    private let handle: UnsafeMutableRawPointer
    private(set) var isMapped = true

    /// Copies, maps, checks and starts the plugin. On a thread that may block.
    static func load(
        path: String, generation: Int, staging: PluginStaging
    ) async throws(PluginError) -> LoadedPlugin {
        let (bytes, identity) = try PluginInspection.read(path)
        let inspection = try PluginInspection(path: path, bytes: bytes, identity: identity)
        if inspection.unloadClass == .isolatedOnly {
            throw .isolatedOnly(path: path, cause: inspection.unloadReason)
        }
        let copy = try staging.stage(inspection, bytes: bytes, generation: generation)
        do throws(PluginError) {
            let plugin = try LoadedPlugin(inspection: inspection, copy: copy, generation: generation)
            do throws(PluginError) {
                try await plugin.start()
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

    private init(inspection: PluginInspection, copy: String, generation: Int) throws(PluginError) {
        let path = inspection.path
        guard let handle = dlopen(copy, RTLD_NOW | RTLD_LOCAL) else {
            throw .loading(path: path, cause: LoadedPlugin.loaderError(copy: copy, path: path))
        }
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
        id = String(descriptor.pointee.id)
        version = String(descriptor.pointee.version)
    }

    private static func loaderError(copy: String, path: String) -> String {
        guard let text = dlerror() else { return "the loader gave no reason" }
        // The operator knows the plugin by its own path, not by our copy's.
        var message = String(cString: text)
        if let range = message.firstRange(of: copy) { message.replaceSubrange(range, with: path) }
        return message
    }

    func type(named name: String) -> PluginType? {
        types.first { $0.name == name || $0.aliases.contains(name) }
    }

    private func start() async throws(PluginError) {
        guard let start = descriptor.pointee.start else { return }
        let failure = await ControlCalls.synchronous { call in start(octavo_host_table(), call) }
        if let failure { throw .startFailed(path: inspection.path, cause: failure.message) }
    }

    /// Tells the plugin that its last instance is gone, and unmaps it if its class allows that. Returns
    /// why it stays mapped, `nil` when it is really gone.
    func retire() async -> String? {
        if let stop = descriptor.pointee.stop { await ControlThread.run { stop() } }
        guard inspection.unloadClass == .clean else { return inspection.unloadReason }
        unmap()
        return isMapped ? "the loader keeps it" : nil
    }

    private func unmap() {
        dlclose(handle)
        // NOLOAD finds the object only when something still holds it.
        if let still = dlopen(copy, RTLD_NOW | RTLD_NOLOAD) {
            dlclose(still)
        } else {
            isMapped = false
        }
    }
}
