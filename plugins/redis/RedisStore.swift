import PluginKit
import RedisPluginNative

/// `state.redis`. Everything happens on the instance's reactor thread.
final class RedisStore: StateStore {
    static let offered =
        OCTAVO_STATE_ETAG | OCTAVO_STATE_TTL | OCTAVO_STATE_BULK | OCTAVO_STATE_TRANSACTION | OCTAVO_STATE_KEYS_LIKE
        | OCTAVO_STATE_REMOVE_PREFIX

    let settings: Settings
    private var connections: [Connection] = []
    private var turn = 0
    private var tls: OpaquePointer?
    private var starting: Call?
    private var stopping: Call?
    private var isHealthy = false

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        // The server takes 512 MB for one value.
        super.init(instance, Features(Self.offered, maxValueBytes: 512 << 20))
    }

    deinit {
        connections = []
        redis_tls_free(tls)
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) {
        if settings.usesTLS, tls == nil {
            var problem = [CChar](repeating: 0, count: 512)
            tls = redis_tls_new(
                settings.authority, settings.certificate, settings.key, settings.verifiesTLS ? 1 : 0, &problem, problem.count)
            if tls == nil { throw .invalid(problem.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }) }
        }
        starting = call
        connections = []
        for _ in 0..<settings.connections {
            let connection = Connection(settings, instance)
            connection.tls = tls
            // The store outlives its connections.
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

    override func stop(_ call: Call) throws(PluginError) {
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
    private func finishStop() {
        guard let call = stopping, !connections.contains(where: { $0.isResolving }) else { return }
        stopping = nil
        call.done()
    }

    /// Asks the server.
    override func health(_ call: Call) throws(PluginError) {
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

    // MARK: Operations

    override func get(_ request: UnsafePointer<octavo_state_get_request>, _ reply: GetReply) throws(PluginError) {
        try pick().sendGet(request.pointee.key, reply.call.id, UnsafeRawPointer(request))
    }

    override func set(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        try request.write.checkEtag()
        try pick().sendWrite(request, .set, reply.call.id, withSource: false)
    }

    override func remove(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        try request.write.checkEtag()
        try pick().sendWrite(request, .remove, reply.call.id, withSource: false)
    }

    override func bulkGet(_ request: UnsafePointer<octavo_state_bulk_get_request>, _ reply: BulkGetReply) throws(PluginError) {
        let connection = try pick()
        guard request.pointee.keys.count > 0 else { return reply.items(UnsafeBufferPointer(start: nil, count: 0)) }
        BulkGet(connection, request.pointee.keys, reply).send()
    }

    override func bulkSet(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) {
        try bulk(request, nil, reply)
    }

    override func bulkRemove(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) {
        try bulk(request, OCTAVO_STATE_REMOVE, reply)
    }

    private func bulk(
        _ request: UnsafePointer<octavo_state_writes_request>, _ operation: Int32?, _ reply: BulkWriteReply
    ) throws(PluginError) {
        let connection = try pick()
        guard request.pointee.writes.count > 0 else { return reply.results(UnsafeBufferPointer(start: nil, count: 0)) }
        BulkWrite(connection, request.pointee.writes, operation, reply).send()
    }

    override func transact(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: EmptyReply) throws(PluginError) {
        let writes = request.pointee.writes
        guard writes.count > 0 else { return reply.done() }
        for index in 0..<Int(writes.count) {
            do throws(PluginError) { try writes.at(index, as: octavo_state_write.self).checkEtag() } catch {
                var failure = error
                failure.index = index
                throw failure
            }
        }
        Transaction(try pick(), writes, reply).send(withSource: false)
    }

    override func keys(_ request: UnsafePointer<octavo_state_keys_request>, _ reply: KeysReply) throws(PluginError) {
        try KeyScan(pick(), request.pointee, reply).send()
    }

    override func removePrefix(_ request: UnsafePointer<octavo_state_prefix_request>, _ reply: CountReply) throws(PluginError) {
        try PrefixRemoval(pick(), request.pointee.prefix, reply).send()
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
