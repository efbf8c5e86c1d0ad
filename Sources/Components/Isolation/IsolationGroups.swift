import COctavo
import COctavoIsolation
import NIOConcurrencyHelpers

/// Processes that several plugins share, by the name of the group.
final class IsolationGroups: Sendable {
    /// Sendable: `process` is behind the lock.
    private final class Group: @unchecked Sendable {
        /// Held while a plugin comes or goes; blocks.
        let lock = NIOLock()
        var process: IsolatedPlugin?
    }

    private let groups = NIOLockedValueBox<[String: Group]>([:])

    /// Loads a plugin into the group's process, or starts that with it. The number of the plugin in there. Blocks; on a
    /// control thread.
    func join(
        _ name: String, path: String, original: String, start: () throws(PluginError) -> IsolatedPlugin
    ) throws(PluginError) -> (process: IsolatedPlugin, member: UInt32) {
        let group = groups.withLockedValue { groups in
            let group = groups[name] ?? Group()
            groups[name] = group
            return group
        }
        group.lock.lock()
        defer { group.lock.unlock() }
        if let process = group.process {
            return (process, try process.add(path: path, original: original))
        }
        let process = try start()
        group.process = process
        return (process, 0)
    }

    /// Takes a plugin without instances out of the group's process, which ends with the last one. Returns why its code
    /// is still mapped, `nil` when it is gone.
    func leave(_ name: String, _ process: IsolatedPlugin, member: UInt32, unmaps: Bool) async -> String? {
        guard let group = groups.withLockedValue({ $0[name] }) else { return nil }
        let isLast = await ControlThread.run(within: .seconds(20)) { () -> Bool in
            group.lock.withLock {
                guard octavo_isolated_members(process.raw) > 1 else {
                    group.process = nil
                    return true
                }
                octavo_isolated_remove(process.raw, member, unmaps ? 1 : 0)
                return false
            }
        }
        switch isLast {
        case true: return await process.end()
        case false: return unmaps ? nil : "its process, which other plugins of group \(name) use, keeps it"
        case nil: return "its process has not answered within 20 s"
        }
    }
}

extension IsolatedPlugin {
    /// Loads another plugin into the process. Blocks; one caller at a time.
    fileprivate func add(path: String, original: String) throws(PluginError) -> UInt32 {
        let timeout = Int64(IsolatedPlugin.loading / .nanoseconds(1))
        var text = [CChar](repeating: 0, count: 512)
        awaitProcess(until: monotonicNanoseconds() + timeout)
        let member = octavo_isolated_add(raw, path, timeout, &text, UInt64(text.count))
        guard member >= 0 else { throw .loading(path: original, cause: Self.string(text)) }
        return UInt32(member)
    }
}
