import COctavo
import COctavoHost
import Glibc
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import Components

@Suite("The component store")
struct StoreTests {
    @Test("tries a component again until its backend is there")
    func retry() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("store", metadata: ["failStarts": "2"])
            #expect(await it.reaches("store", "retrying"))
            let error = await #expect(throws: CallError.self) { try await it.get("store", "k") }
            #expect(error?.code == OCTAVO_CODE_UNAVAILABLE)
            #expect(error?.message == "the component is not ready: the backend refused the connection")
            #expect(await it.store.notReady().map(\.reason) == ["the backend refused the connection"])
            #expect(await it.reaches("store", "ready"))
            #expect(try await it.get("store", "version") == "1.0.0")
            #expect(await it.store.notReady().isEmpty)
        }
    }

    @Test("starts a lazy component with its first call, and an optional one keeps nobody waiting")
    func startModes() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("lazy") { $0.startMode = .lazy }
            try await it.add("optional", metadata: ["failStarts": "1000"]) { $0.startMode = .optional }
            #expect(await it.facts("lazy")?.state == "waiting")
            #expect(await it.store.notReady().isEmpty)
            let loop = it.loops[0]
            let value = try await loop.eventLoop.flatSubmit {
                let promise = loop.eventLoop.makePromise(of: String?.self)
                let ref = loop.value.component(named: "lazy")!
                #expect(ref.startsOnDemand)
                ref.whenSettled {
                    _ = Harness.get(loop.value, "lazy", "version", waiter: GetWaiter { promise.completeWith($0) })
                }
                return promise.futureResult
            }.get()
            #expect(value == "1.0.0")
            #expect(await it.reaches("lazy", "ready"))
        }
    }

    @Test("a component that hangs while it starts delays no other, and is given up in time", arguments: ["blockStart", "hangStart"])
    func blackHole(setting: String) async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            let value = setting == "blockStart" ? "1s" : "true"
            try await it.add("hole", metadata: [setting: value]) { $0.initTimeout = .milliseconds(100) }
            try await it.add("fine")
            #expect(await it.reaches("fine", "ready"))
            #expect(await it.facts("hole")?.state != "ready")
            #expect(await it.reaches("hole", "retrying"))
            #expect(await it.facts("hole")?.reason == "start gave no answer within 0.1 seconds")
            #expect(try await it.get("fine", "version") == "1.0.0")
        }
    }

    @Test("does not destroy an instance that is inside a function, and says what it waits for")
    func stuck() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("slow", metadata: ["blockStart": "3s"]) { $0.initTimeout = .milliseconds(50) }
            #expect(await eventually { await it.facts("slow")?.reason.hasPrefix("start gave no answer") == true })
            try await it.store.remove("slow")
            #expect(await it.facts("slow") == nil)
        }
        #expect(await eventually { threads(named: "oct-slow") == 0 })
    }

    @Test("names settings that are wrong, and never the value of a secret")
    func metadata() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            try await it.add("a", metadata: ["colour": "blue"])
            #expect(await it.reaches("a", "failed"))
            #expect(await it.facts("a")?.reason == "colour must be one of red, green, \"blue\" is not")
            try await it.store.add(
                ComponentDefinition(
                    name: "b", type: "state.fixture",
                    metadata: [.init(name: "colour", value: "s3cret", isSecret: true)]))
            #expect(await it.reaches("b", "failed"))
            #expect(await it.facts("b")?.reason == "colour must be one of red, green, its value is not")
            try await it.add("c", metadata: ["color": "red"]) {
                $0.isStrict = true
                $0.source = "c.yaml:3"
            }
            #expect(await it.reaches("c", "failed"))
            #expect(await it.facts("c")?.reason == "state.fixture has no setting color; did you mean colour? (c.yaml:3)")
            try await it.add("d", metadata: ["COLOUR": "Green", "keyPrefix": "none", "unheard": "of"])
            #expect(await it.reaches("d", "ready"))
            try await it.add("e", metadata: ["refuse": "true"])
            #expect(await it.reaches("e", "failed"))
            #expect(await it.facts("e")?.reason == "the fixture was told to refuse")
            try await it.add("f", "state.fixtures")
            #expect(await it.reaches("f", "failed"))
            #expect(await it.facts("f")?.reason.contains("offers state.fixtures; did you mean state.fixture?") == true)
            try await it.add("g") { $0.version = "v2" }
            #expect(await it.reaches("g", "failed"))
            #expect(
                await it.facts("g")?.reason
                    == "state.fixture is there in version v1 (plugin fixture 1.0.0), not v2; change spec.version")
            #expect(!it.log.all.contains { $0.contains("s3cret") })
        }
    }

    @Test("tells of a fatal error only when errors are not to be ignored")
    func fatal() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            let told = NIOLockedValueBox<[String]>([])
            await it.store.onFatal { text in told.withLockedValue { $0.append(text) } }
            try await it.add("quiet", metadata: ["colour": "blue"])
            try await it.add("loud", metadata: ["colour": "blue"]) { $0.ignoreErrors = false }
            #expect(await it.reaches("quiet", "failed"))
            #expect(await it.reaches("loud", "failed"))
            #expect(
                told.withLockedValue { $0 }
                    == ["component loud (state.fixture): colour must be one of red, green, \"blue\" is not"])
        }
    }

    @Test("says which secret store a setting needs and does not get")
    func secrets() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            func refer(_ store: String) -> ComponentDefinition {
                var definition = ComponentDefinition(
                    name: "to-\(store)", type: "state.fixture", metadata: [.init(name: "host", value: "")])
                definition.metadata[0].reference = .init(store: store, name: "n", key: "k")
                return definition
            }
            try await it.add("other")
            #expect(await it.reaches("other", "ready"))
            for store in ["vault", "other"] { try await it.store.add(refer(store)) }
            #expect(await it.reaches("to-vault", "failed"))
            #expect(
                await it.facts("to-vault")?.reason
                    == "the setting host refers to the secret store vault, which is not among the components")
            #expect(await it.reaches("to-other", "failed"))
            #expect(await it.facts("to-other")?.reason == "auth.secretStore names other, which is a state.fixture")
        }
    }

    @Test("gives up waiting for a secret store that waits for itself")
    func secretOfItself() async throws {
        try await Harness.with(plugins: [Fixtures.store()]) { it in
            var definition = ComponentDefinition(
                name: "self", type: "state.fixture", metadata: [.init(name: "host", value: "")])
            definition.metadata[0].reference = .init(store: "self", name: "n", key: "k")
            try await it.store.add(definition)
            #expect(await eventually { await it.facts("self")?.reason.contains("is still starting") == true })
        }
    }

    @Test("learns from calls that the backend is away, and that it is back")
    func outage() async throws {
        try await Harness.with(plugins: [Fixtures.store()], healthInterval: .milliseconds(20)) { it in
            try await it.add("store")
            #expect(await it.reaches("store", "ready"))
            _ = try? await it.get("store", "outage")
            #expect(await it.facts("store")?.lastError == "the backend is away")
        }
        var health = InstanceCounters()
        let watched = InstanceHealth()
        watched.learn(from: health)
        #expect(watched.current.state == .healthy)
        health.calls = 3
        health.errors = 3
        health.outages = 3
        watched.note(error: "the backend is away")
        watched.learn(from: health)
        #expect(watched.current.state == .unhealthy)
        #expect(watched.current.reason == "the backend is away")
        watched.learn(from: health)
        #expect(watched.current.state == .unhealthy)
        health.calls = 5
        watched.learn(from: health)
        #expect(watched.current.state == .healthy)
    }

    @Test("bounds what a plugin logs")
    func logging() async throws {
        try await Harness.with(plugins: [Fixtures.store()], loops: 1) { it in
            try await it.add("store")
            #expect(await it.reaches("store", "ready"))
            _ = try await it.get("store", "log")
            let lines = it.log.all.filter { $0.contains("a line of the fixture") }.count
            #expect((200...260).contains(lines))
        }
    }

    @Test("loads and unloads 200 times and leaves nothing behind")
    func rounds() async throws {
        let path = Fixtures.store(id: "rounds")
        try await Harness.with(plugins: [], loops: 1) { it in
            var before = (0, 0)
            for round in 0..<200 {
                let (id, _) = try await it.store.load(path: path)
                for type in ["", "-reactor", "-blocking"] { try await it.add("r\(type)", "state.rounds\(type)") }
                for type in ["", "-reactor", "-blocking"] {
                    while await it.facts("r\(type)")?.state != "ready" { try await Task.sleep(for: .microseconds(200)) }
                    #expect(try await it.get("r\(type)", "later:0") == "later")
                    try await it.store.remove("r\(type)")
                }
                #expect(try await it.store.unload(id) == nil)
                #expect(mapped("rounds.so") == 0)
                #expect(threads(named: "oct-r") == 0)
                if round == 2 { before = (descriptors(), threads(named: "")) }
            }
            // Other tests run beside this one; a leak of one a round would show as 197.
            #expect(descriptors() < before.0 + 100)
            #expect(listFolder(it.folder + "/data/plugins/\(listFolder(it.folder + "/data/plugins")![0])")?.contains { $0.contains("@") } == false)
        }
    }

    @Test("loads two plugins with a library of the same name, each with its own")
    func ownLibraries() async throws {
        let folder = temporaryFolder("octavo-own")
        defer { removeTree(folder) }
        mkdir(folder + "/data", 0o755)
        for (name, version) in [("one", "first"), ("two", "second")] {
            mkdir(folder + "/\(name)", 0o755)
            let library = Fixtures.build("libdep", "dependency.c", ["-DDEPENDENCY=\"\(version)\"", "-Wl,-soname,libdep-\(name).so"])
            copyFile(library, to: folder + "/\(name)/libdep-\(name).so")
            copyFile(
                Fixtures.build(
                    name, "fixture.c",
                    ["-DID=\"\(name)\"", "-DVERSION=\"1.0.0\"", "-Wl,--no-as-needed", library, "-Wl,-rpath,$ORIGIN"]),
                to: folder + "/\(name)/\(name).so")
        }
        let catalog = PluginCatalog(folders: [folder])
        #expect(catalog.plugins.map(\.id) == ["one", "two"])
        let staging = try PluginStaging(dataFolder: folder + "/data")
        let one = try await LoadedPlugin.load(path: folder + "/one/one.so", generation: 1, staging: staging)
        let two = try await LoadedPlugin.load(path: folder + "/two/two.so", generation: 1, staging: staging)
        #expect(mapped("one@1/libdep-one.so") > 0)
        #expect(mapped("two@1/libdep-two.so") > 0)
        #expect(await one.retire() == nil)
        #expect(await two.retire() == nil)
        #expect(mapped("libdep-one.so") == 0)
    }

    @Test("the first plugin of an id, and of a type, wins; the other is rejected with both paths")
    func duplicates() async throws {
        let folder = temporaryFolder("octavo-twins")
        defer { removeTree(folder) }
        copyFile(Fixtures.store(), to: folder + "/a.so")
        copyFile(Fixtures.store(version: "2.0.0"), to: folder + "/b.so")
        write(Array("junk".utf8), to: folder + "/c.so")
        write([], to: folder + "/notes.txt")
        let catalog = PluginCatalog(folders: [folder])
        #expect(catalog.plugins.map(\.path) == [folder + "/a.so"])
        #expect(
            catalog.rejected.map(\.error.description) == [
                "plugin \(folder)/b.so has the id fixture of \(folder)/a.so, which came first; remove one of them",
                "plugin \(folder)/c.so can't be used: it is not an ELF file; build or copy it again",
            ])
        #expect(catalog.plugins.first?.note?.types == ["state.fixture", "state.fixture-reactor", "state.fixture-blocking"])
        #expect(catalog.plugins.first?.unloadClass == .clean)
        #expect(mapped("/a.so") == 0)
    }

    @Test("finds the types of a plugin without a note by loading it")
    func withoutNote() async throws {
        try await Harness.with(plugins: [Fixtures.store(id: "plain", ["-DNOTE=0"])]) { it in
            try await it.add("store", "state.plain")
            #expect(await it.reaches("store", "ready"))
            #expect(try await it.get("store", "version") == "1.0.0")
        }
    }
}
