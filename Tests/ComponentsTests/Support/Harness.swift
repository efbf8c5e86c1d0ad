import COctavo
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

@testable import Components

/// A component store over real event loops, in a folder of its own.
final class Harness: Sendable {
    let group: MultiThreadedEventLoopGroup
    let loops: [NIOLoopBound<CallLoop>]
    let store: ComponentStore
    let folder: String
    let log = LogLines()
    /// Deaths of isolated plugins.
    let crashes = NIOLockedValueBox<[CrashFacts]>([])

    init(
        plugins: [String], loops count: Int = 2, expiredLimit: UInt64 = CallLoop.expiredLimit,
        healthInterval: Duration = .seconds(10), isolated: Bool = false, watches: Bool = false,
        isolation: (inout IsolationOptions) -> Void = { _ in }
    ) async throws {
        folder = temporaryFolder("octavo-components")
        mkdir(folder + "/plugins", 0o755)
        mkdir(folder + "/data", 0o755)
        for plugin in plugins {
            copyFile(plugin, to: folder + "/plugins/" + plugin.split(separator: "/").last!)
        }
        let log = self.log
        var logger = Logger(label: "test") { _ in LogSink(lines: log) }
        logger.logLevel = .debug
        let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        self.group = group
        var made: [NIOLoopBound<CallLoop>] = []
        for (index, loop) in group.makeIterator().enumerated() {
            made.append(
                try await loop.submit { [logger] in
                    NIOLoopBound(
                        CallLoop(eventLoop: loop, index: index, logger: logger, expiredLimit: expiredLimit)!, eventLoop: loop)
                }.get())
        }
        loops = made
        var options = ComponentStore.Options(
            pluginFolders: [folder + "/plugins"], dataFolder: folder + "/data", appID: "app", namespace: "")
        options.healthInterval = healthInterval
        if watches { options.watchQuiet = .milliseconds(100) }
        options.isolation.everything = isolated
        options.isolation.host = Fixtures.pluginHost
        let crashes = self.crashes
        options.isolation.onCrash = { facts in
            crashes.withLockedValue { all in
                // Told again, with the functions' names.
                all.removeAll { $0.processID == facts.processID }
                all.append(facts)
            }
        }
        isolation(&options.isolation)
        store = try ComponentStore(options: options, loops: made, logger: logger)
        if watches { Task { [store] in await store.followFiles() } }
    }

    /// Stops everything and removes the folder.
    func close() async {
        await store.shutdown()
        for loop in loops { try? await loop.eventLoop.submit { loop.value.close() }.get() }
        try? await group.shutdownGracefully()
        removeTree(folder)
    }

    static func with<Result>(
        plugins: [String], loops: Int = 2, expiredLimit: UInt64 = CallLoop.expiredLimit,
        healthInterval: Duration = .seconds(10), isolated: Bool = false, watches: Bool = false,
        isolation: (inout IsolationOptions) -> Void = { _ in }, _ body: (Harness) async throws -> Result
    ) async throws -> Result {
        let harness = try await Harness(
            plugins: plugins, loops: loops, expiredLimit: expiredLimit, healthInterval: healthInterval,
            isolated: isolated, watches: watches, isolation: isolation)
        do {
            let result = try await body(harness)
            await harness.close()
            return result
        } catch {
            await harness.close()
            throw error
        }
    }

    func add(
        _ name: String, _ type: String = "state.fixture", metadata: [String: String] = [:],
        change: (inout ComponentDefinition) -> Void = { _ in }
    ) async throws {
        var definition = ComponentDefinition(
            name: name, type: type, metadata: metadata.map { .init(name: $0.key, value: $0.value) })
        change(&definition)
        try await store.add(definition)
    }

    func facts(_ name: String) async -> ComponentFacts? { await store.componentFacts().first { $0.name == name } }

    /// Lines of the memory map that name a copy of a plugin made for this store.
    func mapped(_ fragment: String) -> Int {
        String(decoding: readFile("/proc/self/maps"), as: UTF8.self).split(separator: "\n")
            .filter { $0.contains(folder) && $0.contains(fragment) }.count
    }

    /// Waits until the component has this state.
    func reaches(_ name: String, _ state: String) async -> Bool {
        await eventually { await self.facts(name)?.state == state }
    }

    /// A get, from any thread, answered through the component's loop.
    func get(_ component: String, _ key: String, loop index: Int = 0, timeout: Duration? = nil) async throws -> String? {
        let loop = loops[index]
        return try await loop.eventLoop.flatSubmit {
            let promise = loop.eventLoop.makePromise(of: String?.self)
            _ = Harness.get(loop.value, component, key, timeout: timeout, waiter: GetWaiter { promise.completeWith($0) })
            return promise.futureResult
        }.get()
    }

    /// On the loop.
    @discardableResult
    static func get(
        _ loop: CallLoop, _ component: String, _ key: String, timeout: Duration? = nil, waiter: CallWaiter
    ) -> CallHandle? {
        guard let ref = loop.component(named: component) else {
            waiter.failed(CallError(code: OCTAVO_CODE_NOT_FOUND, message: "no component"))
            return nil
        }
        let deadline = timeout.map { monotonicNanoseconds() + Int64($0 / .nanoseconds(1)) } ?? 0
        guard
            var slot = ref.open(
                OCTAVO_STATE_OP_GET, octavo_state_get_request.self, bytes: key.utf8.count + 8, deadline: deadline,
                waiter: waiter)
        else { return nil }
        let text = slot.text(key)
        slot.request.pointee.key = text
        return slot.submit()
    }

    func set(_ component: String, _ key: String, _ value: String, loop index: Int = 0) async throws {
        let loop = loops[index]
        _ = try await loop.eventLoop.flatSubmit {
            let promise = loop.eventLoop.makePromise(of: String?.self)
            let waiter = GetWaiter { promise.completeWith($0) }
            if let ref = loop.value.component(named: component),
                var slot = ref.open(
                    OCTAVO_STATE_OP_SET, octavo_state_write_request.self, bytes: key.utf8.count + value.utf8.count + 8,
                    deadline: 0, waiter: waiter)
            {
                let text = slot.text(key)
                var value = value
                let bytes = value.withUTF8 { slot.bytes(UnsafeRawBufferPointer($0)) }
                slot.request.pointee.write.key = text
                slot.request.pointee.write.value = bytes
                slot.submit()
            }
            return promise.futureResult
        }.get()
    }
}

/// Gives a get's outcome to a closure.
final class GetWaiter: CallWaiter {
    private let body: (Result<String?, any Error>) -> Void
    private(set) var ends = 0

    init(_ body: @escaping (Result<String?, any Error>) -> Void) { self.body = body }

    override func completed(_ reply: UnsafeRawPointer?) {
        ends += 1
        guard let reply else { return body(.success(nil)) }
        let size = reply.load(as: UInt32.self)
        guard Int(size) >= MemoryLayout<octavo_state_get_reply>.size else { return body(.success(nil)) }
        let answer = reply.assumingMemoryBound(to: octavo_state_get_reply.self).pointee
        body(.success(answer.flags & OCTAVO_STATE_FOUND != 0 ? String(decoding: answer.value.bytes, as: UTF8.self) : nil))
    }

    override func failed(_ error: CallError) {
        ends += 1
        body(.failure(error))
    }
}

/// What was logged.
final class LogLines: Sendable {
    private let box = NIOLockedValueBox<[String]>([])
    var all: [String] { box.withLockedValue { $0 } }
    func append(_ line: String) { box.withLockedValue { $0.append(line) } }
}

struct LogSink: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .debug
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
        lines.append("\(event.level) \(event.message) \(event.metadata ?? [:])")
    }
}
