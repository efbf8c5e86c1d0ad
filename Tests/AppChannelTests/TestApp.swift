import BuildingBlocks
import Foundation
import JSONText
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing
import Transport

@testable import AppChannel

/// An app in a process of its own, that may be started, ended and started again on the same port.
final class TestApp: @unchecked Sendable {
    // Sendable: `process` is used by the test that owns this alone.

    struct Asked: Sendable {
        var method: String
        var path: String
        var headers: [String: String]
        var body: String
        var json: JSONValue? { try? JSONValue(parsing: body) }
    }

    static let python = String(#filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }) + "/.build-python/bin/python"
    static let hasPython = FileManager.default.isExecutableFile(atPath: python)

    let folder: String
    var port: Int { reservation.port }
    private let reservation: ReservedPort
    private let script: String
    private let isUnix: Bool
    private let arguments: [String]
    private var process: Process?
    private var output: String { folder + "/output" }

    init(_ script: String, isUnix: Bool = false, isSecure: Bool = false) throws {
        self.script = String(#filePath.split(separator: "/").dropLast(1).reduce("") { $0 + "/" + $1 }) + "/python/\(script).py"
        self.isUnix = isUnix
        var template = Array("/tmp/octavo-app-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        reservation = try ReservedPort()
        guard isSecure else {
            arguments = []
            return
        }
        arguments = ["\(folder)/key.pem", "\(folder)/cert.pem"]
        let openssl = try Process.run(
            URL(fileURLWithPath: "/usr/bin/openssl"),
            arguments: [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=app", "-keyout", arguments[0], "-out", arguments[1],
            ])
        openssl.waitUntilExit()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var endpoint: Server.Endpoint { isUnix ? .unix(path: folder + "/app") : .tcp(host: "127.0.0.1", port: port) }

    func set(_ name: String, _ text: String) throws {
        try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }

    func start() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.python)
        process.arguments = ["-B", script, isUnix ? folder + "/app" : "\(port)", folder] + arguments
        // A file, not a pipe: Foundation's reading of pipes uses memory that was given back when many end at once.
        if !FileManager.default.fileExists(atPath: output) { FileManager.default.createFile(atPath: output, contents: nil) }
        let file = try #require(FileHandle(forWritingAtPath: output))
        file.seekToEndOfFile()
        process.standardOutput = file
        // The app ends when this does, and when its end of the pipe is closed.
        process.standardInput = Pipe()
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
    }

    /// Ends it as a crash does.
    func kill() {
        guard let process else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    func stop(_ signal: Int32) { if let process { Foundation.kill(process.processIdentifier, signal) } }

    /// What it was asked last of this kind, once its output says so.
    func asked(_ method: String, _ path: String = "", times: Int = 1) async throws -> Asked {
        var found: [Asked] = []
        _ = try await holdsEventually {
            found = asked.filter { $0.method == method && $0.path == path }
            return found.count >= times
        }
        return try #require(found.last, "\(method) \(path) is not among \(asked.map { $0.method + " " + $0.path })")
    }

    /// What it was asked, in order.
    var asked: [Asked] {
        ((try? String(contentsOfFile: output, encoding: .utf8)) ?? "").components(separatedBy: "\n").compactMap { line in
            guard let json = try? JSONValue(parsing: line), let method = json["method"]?.string else { return nil }
            var headers: [String: String] = [:]
            for member in json["headers"]?.members ?? [] { headers[member.name] = member.value.string }
            return Asked(
                method: method, path: json["path"]?.string ?? "", headers: headers, body: json["body"]?.string ?? "")
        }
    }
}

/// A channel on event loops of its own, with observers on each.
struct TestChannel: Sendable {
    let channel: AppChannel
    let group: MultiThreadedEventLoopGroup
    let loops: [any EventLoop]
    /// What each loop was told: `up`, `down`, `waiting`, `discovery 1` …
    let told: NIOLockedValueBox<[[String]]>

    static func run(
        _ app: TestApp, _ wire: AppChannelOptions.Wire, loops count: Int = 2,
        _ configure: (inout AppChannelOptions) -> Void = { _ in }, _ body: (TestChannel) async throws -> Void
    ) async throws {
        var options = AppChannelOptions(appID: "shop", endpoint: app.endpoint, wire: wire)
        options.portCheckInterval = .milliseconds(100)
        configure(&options)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        let loops = Array(group.makeIterator()) as [any EventLoop]
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let channel = try await AppChannel.start(options, loops: loops, logger: logger)
        let told = NIOLockedValueBox(Array(repeating: [String](), count: count))
        for (index, loop) in loops.enumerated() {
            try await loop.submit { channel.client(onLoop: index).observe(Observer(index, told)) }.get()
        }
        let this = TestChannel(channel: channel, group: group, loops: loops, told: told)
        do { try await body(this) } catch {
            await channel.stop()
            try await group.shutdownGracefully()
            throw error
        }
        await channel.stop()
        try await group.shutdownGracefully()
    }

    /// Whether every loop has been told `text` at least so often.
    func eventually(told text: String, times: Int = 1) async throws {
        let isTold = try await holdsEventually {
            told.withLockedValue { $0.allSatisfy { $0.count { $0 == text } >= times } }
        }
        #expect(isTold, "'\(text)' \(times) times in \(told.withLockedValue { $0 }), \(channel.condition)")
    }

    func deliver(_ event: AppTopicEvent, loop: Int = 0) async -> Result<AppVerdict, AppFailure> {
        await withCheckedContinuation { continuation in
            loops[loop].execute { channel.client(onLoop: loop).deliver(event) { continuation.resume(returning: $0) } }
        }
    }

    func deliver(_ batch: AppTopicBatch, loop: Int = 0) async -> Result<[AppVerdict], AppFailure> {
        await withCheckedContinuation { continuation in
            loops[loop].execute { channel.client(onLoop: loop).deliver(batch) { continuation.resume(returning: $0) } }
        }
    }

    func deliver(_ event: AppBindingEvent, loop: Int = 0) async -> Result<AppBindingReply, AppFailure> {
        await withCheckedContinuation { continuation in
            loops[loop].execute { channel.client(onLoop: loop).deliver(event) { continuation.resume(returning: $0) } }
        }
    }

    func wantsBinding(_ name: String) async -> Result<Bool, AppFailure> {
        await withCheckedContinuation { continuation in
            loops[0].execute {
                channel.client(onLoop: 0).wantsBinding(name, route: name) { continuation.resume(returning: $0) }
            }
        }
    }

    private final class Observer: AppObserver {
        private let index: Int
        private let told: NIOLockedValueBox<[[String]]>

        init(_ index: Int, _ told: NIOLockedValueBox<[[String]]>) {
            self.index = index
            self.told = told
        }

        func appChanged(_ condition: AppCondition) {
            let word =
                switch condition {
                case .absent: "absent"
                case .waiting: "waiting"
                case .up: "up"
                case .down: "down"
                }
            told.withLockedValue { $0[index].append(word) }
        }

        func appDiscovered(_ discovery: AppDiscovery) {
            told.withLockedValue { $0[index].append("discovery \(discovery.round)") }
        }
    }
}

func holdsEventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return false
}

/// A TCP port of 127.0.0.1 that nobody else gets: its socket is bound and does not listen. Who sets SO_REUSEADDR, as servers do,
/// may listen on it.
final class ReservedPort: Sendable {
    let port: Int
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) { [descriptor] in
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) != 0 || getsockname(descriptor, $0, &length) != 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard !failed else { throw Failure() }
    }

    struct Failure: Error {}

    deinit { close(descriptor) }
}
