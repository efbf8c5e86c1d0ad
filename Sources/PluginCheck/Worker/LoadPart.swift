import COctavo
import Components
import Glibc

/// Loads and unloads the plugin again and again, and tells the parent which types it has.
struct LoadPart {
    let task: CheckTask
    let events: EventWriter

    private var rounds: Int { task.mode == .isolated ? 20 : 100 }
    /// What the first rounds allocate once is no leak.
    private static let warmUp = 5

    func run() async throws {
        let bench = try await CheckStore(task)
        events.doing("loading the plugin")
        let id: String
        do {
            id = try await bench.load()
        } catch {
            events.failed("it can be loaded", "\(error).", "octavo_plugin.h: octavo_plugin")
            await bench.close()
            return
        }
        events.passed("it can be loaded")
        for type in await bench.plugin()?.loadedTypes ?? [] {
            let fields = type.schema.fields
            events.write(
                .type(
                    CheckedType(
                        name: type.name, version: type.version, kind: type.kind, execution: type.executionName, holdsState: type.holdsState,
                        required: required(fields),
                        settings: fields.flatMap { [$0.name] + $0.aliases })))
        }
        events.doing("unloading the plugin")
        let check = "load and unload, \(rounds) times, leaves nothing behind"
        if let remains = try await bench.store.unload(id) {
            if await bench.plugin()?.unloadClass == UnloadClass.clean.rawValue {
                events.failed(check, "After unload the plugin's code is still mapped: \(remains).", "octavo_plugin.h: OCTAVO_PLUGIN_UNLOADABLE")
            } else {
                events.write(.skipped(check: check, reason: "it is not unloaded: \(remains)"))
            }
            await bench.close()
            return
        }
        try await again(bench, id, check)
        await bench.close()
    }

    /// The settings that an instance needs: those of no profile, and of one profile, which is the first that is given whole, if any is.
    private func required(_ fields: [Schema.Field]) -> [String] {
        let all = fields.filter { $0.isRequired && $0.defaultText == nil }
        var profiles: [String] = []
        for field in all where !field.profile.isEmpty && !profiles.contains(field.profile) { profiles.append(field.profile) }
        let chosen =
            profiles.first { profile in
                all.allSatisfy { field in
                    field.profile != profile || task.settings.contains { ([field.name] + field.aliases).contains($0.name) }
                }
            } ?? profiles.first
        return all.filter { $0.profile.isEmpty || $0.profile == chosen }.map(\.name)
    }

    private func again(_ bench: CheckStore, _ id: String, _ check: String) async throws {
        let fragment = task.folder
        let untouched = ProcessState.now(fragment: fragment)
        var count = 1
        /// Loads and unloads so many times; a sentence when the code stays.
        func cycle(_ rounds: Int) async throws -> String? {
            for _ in 0..<rounds {
                count += 1
                events.doing("loading the plugin for the \(count)th time")
                _ = try await bench.load()
                events.doing("unloading the plugin for the \(count)th time")
                if let remains = try await bench.store.unload(id) {
                    return "After \(count) loads the plugin's code stays mapped: \(remains)."
                }
            }
            return nil
        }
        var stays = try await cycle(LoadPart.warmUp)
        let measured = rounds - LoadPart.warmUp
        let found = try await ProcessState.repeated {
            guard stays == nil else { return [] }
            let before = ProcessState.now(fragment: fragment)
            stays = try await cycle(measured)
            return await ProcessState.settled {
                ProcessState.now(fragment: fragment).findings(since: before, after: measured, of: "load and unload")
            }
        }
        if let stays { return events.failed(check, stays, "octavo_plugin.h: OCTAVO_PLUGIN_UNLOADABLE") }
        let changes = task.mode == .inProcess ? ProcessState.now(fragment: fragment).changes(since: untouched) : []
        events.outcome(
            check, found + changes,
            "octavo_plugin.h: octavo_plugin.stop, OCTAVO_PLUGIN_UNLOADABLE")
    }
}
