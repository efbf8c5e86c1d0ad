import PluginKit
import RedisPluginNative

/// A component's connections to its server, and its life with them. On the instance's reactor thread, but for its first
/// and last moments.
final class Client {
    let settings: Settings
    private let instance: Instance
    private let scripts: [Script]
    private var connections: [Connection] = []
    private var turn = 0
    private(set) var tls: OpaquePointer?
    private var starting: Call?
    private var stopping: Call?
    private var isHealthy = false

    /// A connection is ready, again perhaps. Set by the component, which outlives this.
    var onReady: () -> Void = {}
    /// One more that is to be over before `stop` is answered.
    var isBusy: () -> Bool = { false }

    /// `scripts`: those that the component runs.
    init(_ settings: Settings, _ instance: Instance, scripts: [Script] = []) {
        self.settings = settings
        self.instance = instance
        self.scripts = scripts
    }

    deinit {
        connections = []
        plugin_tls_free(tls)
    }

    /// Answers `call` when the first connection is there, or when it is clear that none will be.
    func start(_ call: Call) throws(PluginError) {
        if settings.usesTLS, tls == nil {
            var problem = [CChar](repeating: 0, count: 512)
            tls = plugin_tls_new(
                settings.authority, settings.certificate, settings.key, settings.verifiesTLS ? 1 : 0, &problem, problem.count)
            if tls == nil { throw .invalid(problem.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }) }
        }
        starting = call
        connections = []
        for _ in 0..<settings.connections {
            let connection = Connection(settings, instance, scripts: scripts)
            connection.tls = tls
            // This outlives its connections.
            connection.onChange = { [unowned(unsafe) self] in self.changed($0) }
            connection.onResolved = { [unowned(unsafe) self] in self.finishStop() }
            connections.append(connection)
        }
        for connection in connections { connection.open() }
    }

    /// A connection came or went.
    private func changed(_ error: PluginError?) {
        guard let error else {
            if let call = starting {
                starting = nil
                call.done()
            }
            if !isHealthy { instance.reportHealth(.healthy, "connected") }
            isHealthy = true
            onReady()
            return
        }
        if let call = starting {
            // A wrong password does not become right, and the deadline leaves no time for another attempt.
            let isPermanent = error.flags & OCTAVO_ERROR_PERMANENT != 0
            if isPermanent || call.deadline == 0 || call.deadline - Host.now() < 2 * settings.maxBackoff / 10 {
                starting = nil
                for connection in connections { connection.close() }
                call.fail(error)
            }
            return
        }
        let left = connections.contains { $0.isReady }
        if isHealthy, !left {
            isHealthy = false
            instance.reportHealth(.unhealthy, error.message)
        }
    }

    func stop(_ call: Call) {
        if let starting {
            self.starting = nil
            starting.fail(PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is being stopped."))
        }
        for connection in connections { connection.close() }
        isHealthy = false
        stopping = call
        finishStop()
    }

    /// Stopping waits for threads that still resolve a name.
    func finishStop() {
        guard let call = stopping, !connections.contains(where: { $0.isResolving }), !isBusy() else { return }
        stopping = nil
        call.done()
    }

    /// Asks the server.
    func health(_ call: Call) throws(PluginError) {
        let connection = try pick()
        let ping = Ping(settings, call)
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: ping))
        connection.output.append("*1\r\n$4\r\nPING\r\n")
    }

    /// The next connection that is ready.
    func pick() throws(PluginError) -> Connection {
        guard let first = connections.first else {
            throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is not started.", flags: OCTAVO_ERROR_RETRYABLE)
        }
        if connections.count == 1 {
            try first.check()
            return first
        }
        for _ in connections.indices {
            turn = (turn + 1) % connections.count
            if connections[turn].isReady {
                try connections[turn].check()
                return connections[turn]
            }
        }
        try first.check()
        return first
    }
}

private final class Ping: Exchange {
    private let settings: Settings
    private let call: Call

    init(_ settings: Settings, _ call: Call) {
        self.settings = settings
        self.call = call
        super.init(isRead: true)
    }

    override func answered(_ number: Int, _ reply: inout RESPReader) {
        let value = reply.next()
        if value.kind == .error { call.fail(Failure.from(value.text, settings)) } else { call.done() }
    }

    override func failed(_ number: Int, _ error: PluginError) { call.fail(error) }
}
