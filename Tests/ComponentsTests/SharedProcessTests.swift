import COctavo
import Glibc
import Testing
import TextSearch

@testable import Components

/// What has a process of its own: a group of plugins, or a component.
@Suite("A process", .serialized)
struct SharedProcessTests {
    private static func group(_ options: inout IsolationOptions) {
        for name in ["one", "two", "broken"] {
            var plugin = PluginIsolation()
            plugin.mode = .process
            plugin.group = "both"
            options.settings[name] = plugin
        }
    }

    private static func stores() -> [String] { [Fixtures.store(id: "one"), Fixtures.store(id: "two")] }

    @Test("of a group serves all its plugins, and dies and comes back with all of them")
    func group() async throws {
        try await Harness.with(plugins: Self.stores(), isolation: Self.group) { it in
            try await it.add("a", "state.one")
            try await it.add("b", "state.two")
            try await it.add("c", "state.two-blocking")
            for name in ["a", "b", "c"] { #expect(await it.reaches(name, "ready")) }
            let pid = try #require(try await it.get("a", "pid"))
            #expect(pid != "\(getpid())")
            for name in ["b", "c"] { #expect(try await it.get(name, "pid") == pid) }
            let facts = await it.store.pluginFacts().filter { ["one", "two"].contains($0.id) }
            #expect(facts.count == 2 && facts.allSatisfy { $0.isolation?.group == "both" && $0.isolation?.pid == Int32(pid) })
            let error = await #expect(throws: CallError.self) { try await it.get("b", "fault") }
            #expect(error?.reason == "PLUGIN_CRASHED")
            let after = try #require(try await it.get("a", "pid"))
            #expect(after != pid)
            for name in ["b", "c"] { #expect(try await it.get(name, "pid") == after) }
            #expect(await eventually { it.crashes.withLockedValue { $0 }.contains { $0.plugin == "two" && $0.component == "b" } })
        }
    }

    @Test("of a group takes a new build of one plugin beside the others, under load")
    func reload() async throws {
        try await Harness.with(plugins: Self.stores(), isolation: Self.group) { it in
            try await it.add("a", "state.one")
            try await it.add("b", "state.two")
            for name in ["a", "b"] { #expect(await it.reaches(name, "ready")) }
            let pid = try await it.get("a", "pid")
            let load = ReloadTests.Load(it, "a"), other = ReloadTests.Load(it, "b")
            for round in 2...5 {
                #expect(await eventually { (load.answers["\(round - 1).0.0"] ?? 0) > 100 })
                let build = Fixtures.store(version: "\(round).0.0", id: "one")
                let report = try? await it.store.reload("one", path: build)
                #expect(report != nil)
                #expect(report?.stillMapped == nil)
                #expect((try? await it.get("a", "version")) == "\(round).0.0")
            }
            #expect(try await it.get("b", "version") == "1.0.0")
            #expect(await load.stop())
            #expect(await other.stop())
            #expect(load.failures == [] && other.failures == [])
            #expect(try await it.get("a", "pid") == pid)
            let maps = String(decoding: readFile("/proc/\(pid ?? "")/maps"), as: UTF8.self)
            #expect(maps.contains(text: "one@5/") && !maps.contains(text: "one@4/"))
            // A process that follows has what there is now.
            await it.store.restart("two")
            #expect(await eventually { (try? await it.get("a", "version")) == "5.0.0" })
            #expect(try await it.get("b", "version") == "1.0.0")
        }
    }

    @Test("of a group with a plugin that can't be loaded goes on", arguments: [
        (21, [], "its licence has run out"), (0, ["-DDIES"], "the process of its group ended while it was loaded"),
    ] as [(Int, [String], String)])
    func refused(number: Int, flags: [String], cause: String) async throws {
        try await Harness.with(plugins: [Fixtures.store(id: "one")], isolation: Self.group) { it in
            try await it.add("a", "state.one")
            #expect(await it.reaches("a", "ready"))
            let error = await #expect(throws: StoreError.self) { try await it.store.load(path: Fixtures.broken(number, flags)) }
            #expect(error?.description.contains(text: cause) == true, "\(String(describing: error))")
            #expect(await eventually { (try? await it.get("a", "version")) == "1.0.0" })
        }
    }

    @Test("of a group that could not be started again, because one plugin ends it, comes back and ends without waiting")
    func oneEndsIt() async throws {
        let folder = temporaryFolder("dies-if")
        defer { removeTree(folder) }
        let marker = folder + "/dies"
        let clock = ContinuousClock()
        let ending = try await Harness.with(
            plugins: [Fixtures.store(id: "one"), Fixtures.store(id: "two", ["-DDIES_IF=\"\(marker)\""])], isolation: Self.group
        ) { it in
            try await it.add("a", "state.one")
            try await it.add("b", "state.two")
            for name in ["a", "b"] { #expect(await it.reaches(name, "ready")) }
            write([], to: marker)
            let seen = it.crashes.withLockedValue { $0.count }
            await it.store.restart("one")
            // It is begun, loads the first plugin and ends with the second.
            #expect(await eventually { it.crashes.withLockedValue { $0.count } > seen })
            unlink(marker)
            await it.store.restart("one")
            #expect(await eventually { (try? await it.get("a", "version")) == "1.0.0" })
            #expect(await eventually { (try? await it.get("b", "version")) == "1.0.0" })
            return clock.now
        }
        // Who waits for an end that does not come gives up after 10 s.
        #expect(clock.now - ending < .seconds(9))
    }

    @Test("of a component is its own: another one of the plugin does not notice its death")
    func components() async throws {
        func each(_ options: inout IsolationOptions) {
            var plugin = PluginIsolation()
            plugin.mode = .process
            plugin.isPerComponent = true
            options.settings["fixture"] = plugin
        }
        try await Harness.with(plugins: [Fixtures.store()], isolation: each) { it in
            for name in ["a", "b", "c"] {
                try await it.add(name)
                #expect(await it.reaches(name, "ready"))
            }
            let a = try await it.get("a", "pid"), b = try await it.get("b", "pid"), c = try await it.get("c", "pid")
            #expect(Set([a, b, c]).count == 3)
            let load = ReloadTests.Load(it, "b"), other = ReloadTests.Load(it, "a")
            #expect(await eventually { (load.answers["1.0.0"] ?? 0) > 100 })
            let error = await #expect(throws: CallError.self) { try await it.get("c", "fault") }
            #expect(error?.reason == "PLUGIN_CRASHED")
            #expect(try await it.get("c", "pid") != c)
            #expect(try await it.get("b", "pid") == b)
            // Each is replaced by one of the new build, too.
            let report = try await it.store.reload("fixture", path: Fixtures.store(version: "2.0.0"))
            #expect(report.components == ["a", "b", "c"])
            #expect(await load.stop())
            #expect(await other.stop())
            #expect(load.failures == [] && other.failures == [])
            let pids = [try await it.get("a", "pid"), try await it.get("b", "pid"), try await it.get("c", "pid")]
            #expect(Set(pids).count == 3)
            let processes = await it.store.pluginFacts().first { $0.id == "fixture" }?.isolation?.processes ?? []
            #expect(Set(processes.map(\.component)) == ["a", "b", "c"])
            // A component that goes takes its process along.
            try await it.store.remove("b")
            let gone = try #require(pids[1].flatMap { Int32($0) })
            #expect(await eventually { kill(gone, 0) != 0 })
            #expect(try await it.get("c", "version") == "2.0.0")
        }
    }
}
