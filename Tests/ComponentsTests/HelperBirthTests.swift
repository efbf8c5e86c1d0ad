import COctavo
import COctavoIsolation
import Glibc
import Logging
import NIOConcurrencyHelpers
import Testing
import TextSearch

@testable import Components

/// Processes that end before they serve.
@Suite("A process of an isolated plugin", .serialized)
struct HelperBirthTests {
    private static func isolation(_ it: Harness, _ logger: Logger, host: String = Fixtures.pluginHost) -> LoadedPlugin.Isolation {
        var options = IsolationOptions()
        options.host = host
        options.crashLoopLimit = 0
        return LoadedPlugin.Isolation(
            options: options, settings: PluginIsolation(), reason: "a test", groups: IsolationGroups(), loops: it.loops, logger: logger)
    }

    @Test("that dies while it is begun leaves a plugin that is freed once its end has been told, not before")
    func diesAtBirth() async throws {
        try await Harness.with(plugins: []) { it in
            for round in 0..<20 {
                let plugin = it.folder + "/\(round).so"
                copyFile(Fixtures.store(), to: plugin)
                let ambush = Remembered()
                do {
                    let laid = Ambush(plugin)
                    ambush.value = laid
                    let isolation = Self.isolation(it, Logger(label: "test") { _ in AmbushHandler(ambush: laid) })
                    let error = await ControlThread.run(within: .seconds(60)) { () -> PluginError? in
                        do throws(PluginError) {
                            _ = try IsolatedPlugin.start(path: plugin, original: plugin, generation: 1, isolation)
                            return nil
                        } catch {
                            return error
                        }
                    }
                    #expect(error.flatMap { $0 } != nil, "the process did not die in time")
                    laid.startEnded()
                }
                #expect(await eventually { ambush.value == nil }, "the plugin is still there")
            }
        }
    }

    @Test("that lacks a plugin of its group, again and again, does not keep the plugin from its end")
    func lacksMember() async throws {
        try await Harness.with(plugins: []) { it in
            let forbidden = it.folder + "/forbidden"
            let one = Fixtures.store(id: "one"), two = Fixtures.broken(0, ["-DREFUSED_BY=\"\(forbidden)\""])
            let isolation = Self.isolation(it, Logger(label: "test") { _ in LogSink(lines: it.log) })
            let plugin = try IsolatedPlugin.start(path: one, original: one, generation: 1, isolation)
            var text = [CChar](repeating: 0, count: 512)
            #expect(octavo_isolated_add(plugin.raw, two, 10_000_000_000, &text, 512) == 1, "\(IsolatedPlugin.string(text))")
            write([], to: forbidden)
            plugin.restart()
            #expect(await eventually { plugin.facts.lastEnd.contains(text: "a file forbids it") }, "\(plugin.facts)")
            unlink(forbidden)
            #expect(await eventually { plugin.facts.pid != 0 }, "\(plugin.facts)")
            #expect(await plugin.end() == nil)
        }
    }

    @Test("that has died and is ended before there is another stays in memory as long as its loops have something to do with it")
    func endsInBetween() async throws {
        try await Harness.with(plugins: []) { it in
            let memory = Kept()
            var wasSeen = false
            for round in 0..<50 where !wasSeen {
                // Without its program there is no other process.
                let host = it.folder + "/host-\(round)"
                symlink(Fixtures.pluginHost, host)
                let one = Fixtures.store()
                let plugin = try IsolatedPlugin.start(
                    path: one, original: one, generation: 1, Self.isolation(it, Logger(label: "test") { _ in LogSink(lines: it.log) }, host: host))
                memory.value = plugin.memory
                unlink(host)
                let pid = plugin.facts.pid
                let killed = ContinuousClock.now
                kill(pid, SIGKILL)
                #expect(await eventually { plugin.facts.pid == 0 })
                #expect(await plugin.end() == nil)
                // Until then the loops mean to tell those who wait that there is no process.
                let isThere = memory.value != nil
                if ContinuousClock.now - killed < .milliseconds(200) {
                    wasSeen = true
                    _ = consume plugin
                    #expect(isThere && memory.value != nil, "the loops have a timer that needs it")
                }
            }
            #expect(wasSeen, "the machine is too busy")
            #expect(await eventually { memory.value == nil }, "it is still in memory")
        }
    }
}

/// Sendable: as `Remembered`.
private final class Kept: @unchecked Sendable {
    weak var value: IsolatedMemory?
}

/// Sendable: the runtime counts references atomically, and `value` is set before others have this.
private final class Remembered: @unchecked Sendable {
    weak var value: Ambush?
}

/// Ends the process of a plugin between its birth and its service, and holds the thread that tells of its end until the start
/// has come to its own.
private final class Ambush: Sendable {
    private struct State {
        var isLaid = true
        var isTold = false
        var hasStartEnded = false
    }

    private let path: String
    private let state = NIOLockedValueBox(State())

    init(_ path: String) { self.path = path }

    /// On the thread that starts the process, which has said what it offers.
    func strike() {
        let isLaid = state.withLockedValue { state in
            defer { state.isLaid = false }
            return state.isLaid
        }
        guard isLaid else { return }
        for name in listFolder("/proc") ?? [] {
            guard let pid = pid_t(name), commandLine(pid).contains(text: path) else { continue }
            kill(pid, SIGKILL)
        }
        wait { $0.isTold }
    }

    /// On the thread that tells of the end.
    func told() {
        state.withLockedValue { $0.isTold = true }
        wait { $0.hasStartEnded }
    }

    func startEnded() { state.withLockedValue { $0.hasStartEnded = true } }

    private func wait(_ condition: (State) -> Bool) {
        for _ in 0..<10_000 where !state.withLockedValue({ condition($0) }) { usleep(1000) }
    }

    private func commandLine(_ pid: pid_t) -> String {
        let descriptor = open("/proc/\(pid)/cmdline", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }
}

private struct AmbushHandler: LogHandler {
    let ambush: Ambush
    var metadata: Logger.Metadata = [:]
    // Asked for between the birth of a process and its service.
    var logLevel: Logger.Level {
        get {
            ambush.strike()
            return .info
        }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
        if "\(event.message)".contains(text: "has ended; starting it again") { ambush.told() }
    }
}
