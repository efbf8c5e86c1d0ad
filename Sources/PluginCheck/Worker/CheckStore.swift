import COctavo
import Components
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A component store with event loops of its own, as the runtime has one: what a part of the check runs in.
final class CheckStore: Sendable {
    let group: MultiThreadedEventLoopGroup
    let loops: [NIOLoopBound<CallLoop>]
    let store: ComponentStore
    let log: LogCapture
    let task: CheckTask

    /// No check asks for more.
    private static let loopCount = 2

    init(_ task: CheckTask) async throws {
        self.task = task
        let log = LogCapture()
        self.log = log
        var logger = Logger(label: "octavo.plugin-check") { _ in log }
        logger.logLevel = .warning
        let group = MultiThreadedEventLoopGroup(numberOfThreads: CheckStore.loopCount)
        self.group = group
        var made: [NIOLoopBound<CallLoop>] = []
        for (index, loop) in group.makeIterator().enumerated() {
            made.append(
                try await loop.submit { [logger] in
                    guard let calls = CallLoop(eventLoop: loop, index: index, logger: logger) else {
                        throw CaseFailure(description: "there is no memory for a table of calls")
                    }
                    return NIOLoopBound(calls, eventLoop: loop)
                }.get())
        }
        loops = made
        var options = ComponentStore.Options(pluginFolders: [], dataFolder: task.folder, appID: "octavo-check", namespace: "")
        options.isolation.everything = task.mode == .isolated
        options.isolation.host = task.host
        options.isolation.crashLoopLimit = 0
        store = try ComponentStore(options: options, loops: made, logger: logger)
    }

    /// Loads the plugin; its id.
    func load() async throws -> String { try await store.load(path: task.file).id }

    /// The plugin as lists show it.
    func plugin() async -> PluginFacts? { await store.pluginFacts().first }

    /// Makes a component of the type and waits until it is ready.
    func component(_ name: String = "checked", of type: CheckedType) async throws -> ComponentCaller {
        var definition = ComponentDefinition(
            name: name, type: type.name,
            metadata: task.settings.filter { type.settings.contains($0.name) }.map { .init(name: $0.name, value: $0.value) })
        definition.version = type.version
        try await store.add(definition)
        let limit = ContinuousClock.now + .seconds(15)
        while true {
            guard let facts = await store.componentFacts().first(where: { $0.name == name }) else {
                throw CaseFailure(description: "the component was removed while it started")
            }
            if facts.state == "ready" || facts.state == "degraded" {
                return ComponentCaller(
                    name: name, kind: type.kind, features: facts.features, maxTransactionOps: facts.maxTransactionOps, loops: loops)
            }
            guard facts.state != "failed", facts.state != "retrying", ContinuousClock.now < limit else {
                let reason = facts.reason.isEmpty ? "it is \(facts.state) after 15 s" : facts.reason
                let deaths = deaths.isEmpty ? "" : " Its process ended before: \(deaths.joined(separator: "; "))."
                throw CaseFailure(description: "An instance of \(type.name) did not start: \(reason).\(deaths)")
            }
            try await Task.sleep(for: .microseconds(200))
        }
    }

    /// Calls that the plugin has not completed; waits for them so many seconds.
    func callsInFlight(of name: String = "checked", after seconds: Int = 5) async -> UInt64 {
        let limit = ContinuousClock.now + .seconds(seconds)
        while true {
            let count = await store.componentFacts().first { $0.name == name }?.inFlight ?? 0
            if count == 0 || ContinuousClock.now > limit { return count }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Why processes of the isolated plugin have ended: the store has logged it.
    private var deaths: [String] {
        log.all.compactMap { line in
            line.message == "the process of an isolated plugin has ended; starting it again" ? line.metadata["cause"].map { "\($0)" } : nil
        }
    }

    /// What instances left behind after their destroy, in sentences: the store has logged it.
    var leftovers: [String] {
        Set(
            log.all.compactMap { line -> String? in
                switch line.message {
                case "a component's instance could not be ended":
                    "After destroy something of the instance is left: \(line.metadata["cause"] ?? "")."
                case "a plugin has not freed all memory of a component":
                    "After destroy \(line.metadata["bytes"] ?? "some") bytes of the host's memory (alloc) have not been freed."
                default: nil
                }
            }
        ).sorted()
    }

    /// Ends everything.
    func close() async {
        await store.shutdown()
        for loop in loops { try? await loop.eventLoop.submit { loop.value.close() }.get() }
        try? await group.shutdownGracefully()
    }
}

/// Keeps what is logged as a warning or worse.
struct LogCapture: LogHandler {
    struct Line: Sendable {
        var message: String
        var metadata: Logger.Metadata
    }

    private let lines = NIOLockedValueBox<[Line]>([])
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .warning

    var all: [Line] { lines.withLockedValue { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let line = Line(message: "\(event.message)", metadata: event.metadata ?? [:])
        lines.withLockedValue { if $0.count < 1000 { $0.append(line) } }
    }
}

/// Runs what blocks on a thread of its own, so that the threads of the control plane stay free.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await NIOThreadPool.singleton.runIfActive(body)
}
