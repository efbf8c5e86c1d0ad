import COctavo
import COctavoHost
import Glibc
import NIOConcurrencyHelpers

extension ComponentStore {
    /// What a reload did.
    package struct ReloadReport: Sendable {
        package var plugin: String
        package var from: Int
        package var to: Int
        package var version: String
        package var components: [String]
        /// Why the old code stays mapped, `nil` when it is gone.
        package var stillMapped: String?
    }

    /// Puts a new build of a plugin in the place of the one that runs. Makes before it breaks: the new
    /// generation is loaded, its components are made, started and asked for their health beside the old
    /// ones; only then new calls go to it. On any failure nothing has changed.
    package func reload(_ id: String, path: String? = nil) async throws(StoreError) -> ReloadReport {
        guard let entry = plugins[id] else { throw .plugin(.notFound(name: id, places: options.pluginFolders)) }
        guard !entry.isReloading else { throw .busy(id: id) }
        plugins[id]?.isReloading = true
        defer { plugins[id]?.isReloading = false }
        let generation = entry.nextGeneration
        plugins[id]?.nextGeneration += 1
        let next: LoadedPlugin
        do throws(PluginError) {
            next = try await LoadedPlugin.load(
                path: path ?? entry.inspection.path, generation: generation, staging: staging)
        } catch {
            throw .plugin(error)
        }
        guard next.id == id else {
            _ = await retire(next, because: nil)
            throw .otherPlugin(path: next.inspection.path, id: next.id, expected: id)
        }
        let old = entry.current
        let users = self.users(of: id)
        let made = try await makeReplacements(users, of: next)
        do throws(StoreError) {
            try await switchOver(users, to: made)
        } catch {
            for instance in made.values { _ = await finish(instance, within: .zero) }
            _ = await retire(next, because: nil)
            throw error
        }
        plugins[id]?.current = next
        plugins[id]?.inspection = next.inspection
        plugins[id]?.failure = nil
        var report = ReloadReport(
            plugin: id, from: old?.generation ?? 0, to: generation, version: next.version,
            components: made.keys.sorted())
        var remains: String?
        for user in users {
            if let instance = user.instance { remains = await finish(instance, within: .seconds(30)) ?? remains }
        }
        if let old { report.stillMapped = await retire(old, because: remains) }
        logger.info(
            "plugin reloaded",
            metadata: [
                "plugin": "\(id)", "version": "\(next.version)", "generation": "\(generation)",
                "components": "\(report.components.joined(separator: ", "))",
            ])
        return report
    }

    /// A started and healthy instance of the new generation for each component of the old one.
    private func makeReplacements(
        _ users: [ComponentEntry], of next: LoadedPlugin
    ) async throws(StoreError) -> [String: ComponentInstance] {
        var made: [String: ComponentInstance] = [:]
        for user in users {
            var cause: String?
            do throws(StartFailure) {
                let instance = try await makeInstance(user.definition, of: next)
                made[user.definition.name] = instance
                cause = await instance.checkHealth(timeout: .seconds(1))?.message
            } catch {
                cause = error.message
            }
            if let cause {
                for instance in made.values { _ = await finish(instance, within: .zero) }
                _ = await retire(next, because: nil)
                throw .replacementFailed(component: user.definition.name, version: next.version, cause: cause)
            }
        }
        return made
    }

    /// New calls go to the new instances. Where state lives in the instance all loops stand still while it
    /// is taken over, so that no call can see half of it.
    private func switchOver(
        _ users: [ComponentEntry], to made: [String: ComponentInstance]
    ) async throws(StoreError) {
        var handed: [(from: ComponentInstance, to: ComponentInstance)] = []
        for user in users where user.instance?.type.holdsState == true {
            if let old = user.instance, let new = made[user.definition.name] { handed.append((old, new)) }
        }
        if handed.isEmpty {
            await onLoops { loop in
                for (name, instance) in made {
                    loop.component(named: name)?.settle(target: instance.target(on: loop), unavailable: nil)
                }
            }
        } else {
            let pairs = handed
            let failure = await withLoopsStopped {
                for pair in pairs {
                    if let cause = Handoff.run(from: pair.from, to: pair.to) { return cause }
                }
                return nil
            } then: { loop in
                for (name, instance) in made {
                    loop.component(named: name)?.settle(target: instance.target(on: loop), unavailable: nil)
                }
            }
            if let failure {
                throw .replacementFailed(
                    component: handed.first?.from.component ?? "", version: handed.first?.to.plugin.version ?? "",
                    cause: failure)
            }
        }
        for (name, instance) in made {
            components[name]?.instance = instance
            components[name]?.since = wallSeconds()
        }
    }

    /// Holds every event loop, runs `work` on a control thread, and, if it gave no error, `then` on each
    /// loop before it goes on.
    private func withLoopsStopped(
        _ work: @escaping @Sendable () -> String?, then: @escaping @Sendable (CallLoop) -> Void
    ) async -> String? {
        let gate = LoopGate(count: loops.count)
        for loop in loops {
            loop.eventLoop.execute {
                if gate.arriveAndWait() { then(loop.value) }
            }
        }
        let failure = await ControlThread.run { () -> String? in
            gate.awaitAll()
            let failure = work()
            gate.open(failure == nil)
            return failure
        }
        // Each loop has run `then` before it answers this.
        await onLoops { _ in }
        return failure
    }
}

/// A gate that loops wait at. Blocks threads on purpose, for the few milliseconds of a hand-over.
private final class LoopGate: Sendable {
    private struct State {
        var arrived = 0
        var isOpen: Bool?
    }
    private let count: Int
    private let condition = ConditionLock(value: 0)
    private let state = NIOLockedValueBox(State())

    init(count: Int) { self.count = count }

    /// Whether the work succeeded.
    func arriveAndWait() -> Bool {
        condition.lock()
        let arrived = state.withLockedValue { $0.arrived += 1; return $0.arrived }
        condition.unlock(withValue: arrived == count ? 1 : 0)
        condition.lock(whenValue: 2)
        condition.unlock(withValue: 2)
        return state.withLockedValue { $0.isOpen ?? false }
    }

    func awaitAll() {
        condition.lock(whenValue: 1)
        condition.unlock(withValue: 1)
    }

    func open(_ success: Bool) {
        state.withLockedValue { $0.isOpen = success }
        condition.lock()
        condition.unlock(withValue: 2)
    }
}

/// Takes the state of one instance over to another by `octavo.handoff/1`.
private enum Handoff {
    /// While the loops stand still: longer is refused.
    private static let limitNanoseconds: Int64 = 1_000_000_000

    private struct Passage {
        let table: UnsafePointer<octavo_handoff>
        let target: UnsafeMutableRawPointer
        let deadline: Int64
    }

    /// `nil`, or why it failed. On a control thread.
    static func run(from old: ComponentInstance, to new: ComponentInstance) -> String? {
        guard let source = old.handoff, let target = new.handoff else {
            return "it holds its state in memory and old or new build can't hand it over (octavo.handoff/1)"
        }
        guard source.pointee.format == target.pointee.format else {
            return "the new build has another format of its state (\(target.pointee.format), before \(source.pointee.format))"
        }
        var passage = Passage(
            table: target, target: new.selfAddress, deadline: monotonicNanoseconds() + limitNanoseconds)
        let answer = withUnsafeMutablePointer(to: &passage) { pointer in
            source.pointee.export_state(
                old.selfAddress,
                { argument, piece in
                    let passage = argument.unsafelyUnwrapped.assumingMemoryBound(to: Passage.self).pointee
                    if monotonicNanoseconds() > passage.deadline { return OCTAVO_TOO_LARGE }
                    return passage.table.pointee.import_state(passage.target, piece)
                }, pointer)
        }
        switch answer {
        case OCTAVO_OK: return nil
        case OCTAVO_TOO_LARGE: return "handing over its state took longer than a second"
        default: return "handing over its state failed (\(answer))"
        }
    }
}

extension ComponentInstance {
    fileprivate var handoff: UnsafePointer<octavo_handoff>? {
        guard let get = type.raw.pointee.life.pointee.get_extension else { return nil }
        var id = OCTAVO_EXTENSION_HANDOFF
        let table = id.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) {
                get(selfAddress, octavo_str(data: $0.baseAddress, size: UInt64($0.count)))
            }
        }
        return table.map { $0.assumingMemoryBound(to: octavo_handoff.self) }
    }
}
