import PluginKit
import PostgreSQLPluginNative

/// A component's connections to its server, and its life with them. On the instance's reactor thread, but for its first
/// and last moments.
final class Client {
    let settings: Settings
    private let instance: Instance
    private let count: Int
    private var connections: [Connection] = []
    private var starting: Call?
    private var stopping: Call?
    private var isHealthy = false
    private var isPreparing = false
    /// Why the start comes to nothing; told when no thread is left, because the instance goes then.
    private var ending: (call: Call, error: PluginError)?

    /// What has to be done with the first connection before the component is started; it calls what it is given.
    var prepare: ((Connection, @escaping (PluginError?) -> Void) -> Void)?
    /// A connection is ready, again perhaps. Set by the component, which outlives this.
    var onReady: () -> Void = {}
    /// One more that is to be over before `stop` is answered.
    var isBusy: () -> Bool = { false }

    init(_ settings: Settings, _ instance: Instance, connections: Int) {
        self.settings = settings
        self.instance = instance
        count = connections
    }

    /// Answers `call` when the first connection is there and prepared, or when it is clear that none will be.
    func start(_ call: Call) {
        starting = call
        isPreparing = false
        connections = []
        for _ in 0..<count {
            let connection = Connection(settings, instance)
            // This outlives its connections.
            connection.onChange = { [unowned(unsafe) self, unowned(unsafe) connection] in self.changed(connection, $0) }
            connection.onOpened = { [unowned(unsafe) self] in self.finishStop() }
            connections.append(connection)
        }
        for connection in connections { connection.open() }
    }

    /// A connection came or went.
    private func changed(_ connection: Connection, _ error: PluginError?) {
        guard let error else { return came(connection) }
        if let call = starting, !isPreparing {
            // A wrong password does not become right, and the deadline leaves no time for another attempt.
            let isPermanent = error.flags & OCTAVO_ERROR_PERMANENT != 0
            if isPermanent || call.deadline == 0 || call.deadline - Host.now() < 2 * Connection.maxBackoff / 10 { giveUp(error) }
            return
        }
        let left = connections.contains { $0.isReady }
        if isHealthy, !left {
            isHealthy = false
            instance.reportHealth(.unhealthy, error.message)
        }
    }

    private func came(_ connection: Connection) {
        if starting != nil {
            guard let prepare else { return started() }
            if isPreparing { return }
            isPreparing = true
            return prepare(connection) { [unowned(unsafe) self] error in
                isPreparing = false
                guard let call = starting else { return }
                guard let error else { return started() }
                let isTooLate = call.deadline == 0 || call.deadline - Host.now() < 2 * Connection.maxBackoff / 10
                if error.flags & OCTAVO_ERROR_OUTAGE == 0 || isTooLate { return giveUp(error) }
                if let other = connections.first(where: { $0.isReady }) { came(other) }
            }
        }
        becameHealthy()
    }

    private func started() {
        let call = starting
        starting = nil
        call?.done()
        becameHealthy()
    }

    private func becameHealthy() {
        if !isHealthy { instance.reportHealth(.healthy, "connected") }
        isHealthy = true
        onReady()
    }

    private func giveUp(_ error: PluginError) {
        guard let call = starting else { return }
        starting = nil
        ending = (call, error)
        for connection in connections { connection.close() }
        finishStop()
    }

    func stop(_ call: Call) {
        if let starting {
            self.starting = nil
            starting.fail(PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is being stopped."))
        }
        for connection in connections { connection.close() }
        isHealthy = false
        stopping = call
        finishStop()
    }

    /// Stopping waits for threads that still connect.
    func finishStop() {
        if connections.contains(where: { $0.isOpening }) { return }
        if let (call, error) = ending {
            ending = nil
            call.fail(error)
        }
        guard let call = stopping, !isBusy() else { return }
        stopping = nil
        call.done()
    }

    /// Asks the server.
    func health(_ call: Call) throws(PluginError) {
        let ping = Exchange(isRead: true) { outcome in
            switch outcome {
            case .done: call.done()
            case .failed(let refusal): call.fail(refusal.error)
            }
        }
        ping.add(Statement("SELECT 1"))
        try pick().send(ping)
    }

    /// Of the connections that are ready, the one that has the least to do.
    func pick() throws(PluginError) -> Connection {
        guard let first = connections.first else {
            throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The component is not started.", flags: OCTAVO_ERROR_RETRYABLE)
        }
        var best: Connection?
        for connection in connections where connection.isReady {
            if best == nil || connection.load < best!.load { best = connection }
        }
        let chosen = best ?? first
        try chosen.check()
        return chosen
    }
}
