import Glibc
import Testing

@testable import Components

@Suite("A watched plugins folder", .serialized)
struct WatchTests {
    private func place(_ it: Harness) -> String { it.folder + "/plugins/fixture.so" }

    private func serves(_ it: Harness, _ version: String) async -> Bool {
        await eventually { (try? await it.get("store", "version")) == version }
    }

    private func generation(_ it: Harness) async -> Int { await it.store.pluginFacts().first { $0.id == "fixture" }?.generation ?? 0 }

    private func running(_ it: Harness) async throws {
        try await it.add("store")
        #expect(await it.reaches("store", "ready"))
    }

    private func overwrite(_ path: String, _ bytes: some Collection<UInt8>, truncate: Bool = true) {
        let descriptor = open(path, O_WRONLY | (truncate ? O_TRUNC : 0))
        let bytes = [UInt8](bytes)
        #expect(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
    }

    /// What comes later is taken in, so what came before has been looked at.
    private func lookedAt(_ it: Harness) async throws {
        copyFile(Fixtures.store(id: "later"), to: it.folder + "/plugins/later.so")
        #expect(await eventually { it.log.all.contains { $0.contains("plugin loaded") && $0.contains("later") } })
    }

    @Test("takes a build in that is renamed over, linked in or written in place, each once", arguments: [false, true])
    func ways(isolated: Bool) async throws {
        try await Harness.with(plugins: [Fixtures.store()], isolated: isolated, watches: true) { it in
            try await running(it)
            let fresh = it.folder + "/fresh"
            copyFile(Fixtures.store(version: "2.0.0"), to: fresh)
            rename(fresh, place(it))
            #expect(await serves(it, "2.0.0"))
            overwrite(place(it), readFile(Fixtures.store(version: "3.0.0")))
            #expect(await serves(it, "3.0.0"))
            copyFile(Fixtures.store(version: "4.0.0"), to: fresh)
            unlink(place(it))
            link(fresh, place(it))
            #expect(await serves(it, "4.0.0"))
            // Calls go to a build a moment before lists name it.
            #expect(await eventually { await generation(it) == 4 })
        }
    }

    @Test("reads no half of a file while its writer is at work")
    func slowWriter() async throws {
        try await Harness.with(plugins: [Fixtures.store()], watches: true) { it in
            try await running(it)
            let bytes = readFile(Fixtures.store(version: "2.0.0"))
            let descriptor = open(place(it), O_WRONLY | O_TRUNC)
            var done = 0
            for _ in 0..<8 {
                let count = min(bytes.count / 8 + 1, bytes.count - done)
                #expect(bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, count) } == count)
                done += count
                // Longer than the time of quiet: what keeps the file from being read is that it is open.
                try await Task.sleep(for: .milliseconds(150))
                #expect(await generation(it) == 1)
            }
            #expect(it.log.all.allSatisfy { !$0.contains("not taken in") })
            close(descriptor)
            #expect(await serves(it, "2.0.0"))
            #expect(await eventually { await generation(it) == 2 })
        }
    }

    @Test("says once of each content why it was not taken in, and changes nothing")
    func broken() async throws {
        try await Harness.with(plugins: [Fixtures.store()], watches: true) { it in
            try await running(it)
            @Sendable func refusals() -> [String] { it.log.all.filter { $0.contains("not taken in") } }
            let next = readFile(Fixtures.store(version: "2.0.0"))
            overwrite(place(it), next.prefix(next.count / 2))
            #expect(await eventually { refusals().count == 1 })
            #expect(refusals().first?.contains(place(it)) == true && refusals().first?.contains("can't be used") == true)
            overwrite(place(it), next.prefix(next.count / 2))
            try await lookedAt(it)
            #expect(refusals().count == 1)
            // A build that loads and whose component does not start.
            overwrite(place(it), readFile(Fixtures.broken(21)))
            #expect(await eventually { refusals().count == 2 })
            #expect(refusals().last?.contains("its licence has run out") == true, "\(refusals())")
            #expect(try await it.get("store", "version") == "1.0.0")
            #expect(await generation(it) == 1)
            overwrite(place(it), next)
            #expect(await serves(it, "2.0.0"))
            #expect(refusals().count == 2)
        }
    }

    @Test("takes the same content for no change: a touch, a copy of itself")
    func unchanged() async throws {
        try await Harness.with(plugins: [Fixtures.store()], watches: true) { it in
            try await running(it)
            overwrite(place(it), [], truncate: false)
            overwrite(place(it), readFile(Fixtures.store()))
            try await lookedAt(it)
            #expect(await generation(it) == 1)
        }
    }

    @Test("loads new files and new folders, with the libraries in them, and starts what had no plugin")
    func newFiles() async throws {
        try await Harness.with(plugins: [], watches: true) { it in
            try await it.add("store")
            #expect(await it.reaches("store", "failed"))
            let folder = it.folder + "/plugins/fixture"
            mkdir(folder, 0o755)
            copyFile(Fixtures.store(), to: folder + "/fixture.so")
            #expect(await it.reaches("store", "ready"))
            #expect(await serves(it, "1.0.0"))
            copyFile(Fixtures.store(id: "beside"), to: folder + "/libbeside.so.1")
            #expect(await eventually { await generation(it) == 2 })
            copyFile(Fixtures.store(version: "2.0.0"), to: folder + "/fixture.so")
            #expect(await serves(it, "2.0.0"))
            // A folder that comes whole.
            let prepared = it.folder + "/other"
            mkdir(prepared, 0o755)
            copyFile(Fixtures.store(id: "other"), to: prepared + "/other.so")
            rename(prepared, it.folder + "/plugins/other")
            #expect(await eventually { await it.store.pluginFacts().contains { $0.id == "other" && $0.generation == 1 } })
        }
    }

    @Test("only notes that a file has gone, and takes its successor of another name in")
    func removed() async throws {
        try await Harness.with(plugins: [Fixtures.store()], watches: true) { it in
            try await running(it)
            unlink(place(it))
            #expect(await eventually { it.log.all.contains { $0.contains("was removed") && $0.contains(place(it)) } })
            #expect(try await it.get("store", "version") == "1.0.0")
            copyFile(Fixtures.store(version: "2.0.0"), to: it.folder + "/plugins/fixture-2.so")
            #expect(await serves(it, "2.0.0"))
        }
    }

    @Test("that can't be watched is warned of, and the thread of a watch ends with its store")
    func ends() async throws {
        try await Harness.with(plugins: [Fixtures.store()], watches: true) { it in
            #expect(await eventually { threads(named: "oct-folders") == 1 })
            removeTree(it.folder + "/plugins")
            #expect(await eventually { it.log.all.contains { $0.contains("no longer watched") } })
        }
        #expect(await eventually { threads(named: "oct-folders") == 0 })
        let log = LogLines()
        #expect(PluginFolderWatch(folders: ["/no/such"], quiet: .zero, logger: .init(label: "") { _ in LogSink(lines: log) }) == nil)
        #expect(log.all.first?.contains("not watched") == true && log.all.first?.contains("No such file") == true, "\(log.all)")
    }
}
