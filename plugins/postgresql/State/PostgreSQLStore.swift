import PluginKit
import PostgreSQLPluginNative

/// `state.postgresql`. Everything happens on the instance's reactor thread, but for its first and last moments.
final class PostgreSQLStore: StateStore {
    static let offered =
        OCTAVO_STATE_ETAG | OCTAVO_STATE_TTL | OCTAVO_STATE_BULK | OCTAVO_STATE_TRANSACTION | OCTAVO_STATE_QUERY
        | OCTAVO_STATE_KEYS_LIKE | OCTAVO_STATE_REMOVE_PREFIX

    let client: Client
    let statements: StateStatements
    private let settings: StateSettings
    private var hasQuery = true
    private var cleanup: Timer!

    init(_ settings: StateSettings, _ instance: Instance) {
        self.settings = settings
        statements = StateStatements(settings)
        client = Client(settings.common, instance, connections: settings.common.connections)
        // The server takes 1 GB for one message, in which some values are twice.
        super.init(instance, Features(Self.offered, maxValueBytes: 256 << 20))
        cleanup = Timer(instance) { [unowned(unsafe) self] in self.sweep() }
        client.prepare = { [unowned(unsafe) self] connection, done in
            StateSchema(settings, connection) { [unowned(unsafe) self] error, hasQuery in
                self.hasQuery = hasQuery
                if error == nil { self.planSweep() }
                done(error)
            }.run()
        }
    }

    // MARK: Life

    override func currentFeatures() -> Features {
        hasQuery ? features : Features(Self.offered & ~OCTAVO_STATE_QUERY, maxValueBytes: features.maxValueBytes)
    }

    override func start(_ call: Call) throws(PluginError) { client.start(call) }

    override func stop(_ call: Call) throws(PluginError) {
        cleanup.cancel()
        client.stop(call)
    }

    /// Asks the server.
    override func health(_ call: Call) throws(PluginError) { try client.health(call) }

    // MARK: Expired rows

    private func planSweep() {
        if settings.cleanupInterval > 0 { cleanup.set(after: settings.cleanupInterval) }
    }

    /// Deletes what has expired, unless another one that shares the table has just done so. What fails is tried again the
    /// next time.
    private func sweep() {
        planSweep()
        let claim = Exchange(isRead: true) { [unowned(unsafe) self] outcome in
            guard case .done(let rows) = outcome, rows[0].affected > 0 else { return }
            let delete = Exchange(isRead: true, weight: 50, isPatient: true) { _ in }
            delete.add(self.statements.sweep)
            do throws(PluginError) { try self.client.pick().send(delete) } catch {}
        }
        var parameters = Parameters()
        // A little less, so that clocks that differ don't leave one out.
        parameters.add(integer: settings.cleanupInterval / 1000 * 9 / 10)
        claim.add(statements.claimSweep, parameters)
        do throws(PluginError) { try client.pick().send(claim) } catch {}
    }

    // MARK: Operations

    /// Sends one statement and gives its rows to `body`; errors end the call.
    private func ask(
        _ call: Call, isRead: Bool = true, weight: Int = 1, _ statement: Statement, _ parameters: Parameters,
        _ body: @escaping (Rows) -> Void
    ) throws(PluginError) {
        let exchange = Exchange(isRead: isRead, weight: weight) { outcome in
            switch outcome {
            case .done(let rows): body(rows[0])
            case .failed(let refusal): call.fail(refusal.error)
            }
        }
        exchange.add(statement, parameters)
        try client.pick().send(exchange)
    }

    override func get(_ request: UnsafePointer<octavo_state_get_request>, _ reply: GetReply) throws(PluginError) {
        var parameters = Parameters()
        parameters.add(text: request.pointee.key)
        try ask(reply.call, statements.get, parameters) { rows in
            guard rows.count > 0 else { return reply.missing() }
            let value = Bytes(rows.text(0, 0).raw)
            UUIDText.text(rows.text(0, 1)).withUnsafeBytes { etag in
                if let seconds = rows.seconds(0, 2) {
                    reply.found(value: value, etag: Str(etag), expires: seconds)
                } else {
                    reply.found(value: value, etag: Str(etag))
                }
            }
        }
    }

    override func set(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        try write(StateWrite(request.write, removes: false), reply)
    }

    override func remove(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        try write(StateWrite(request.write, removes: true), reply)
    }

    private func write(_ item: StateWrite, _ reply: WriteReply) throws(PluginError) {
        let exchange = Exchange(isRead: false) { outcome in
            do throws(PluginError) {
                switch outcome {
                case .failed(let refusal): throw refusal.error
                case .done(let rows):
                    let etag = try item.etag(rows[0])
                    if etag.isEmpty { reply.done() } else { etag.withUnsafeBytes { reply.written(etag: Str($0)) } }
                }
            } catch { reply.call.fail(error) }
        }
        item.add(to: exchange, statements, isStrict: false)
        try client.pick().send(exchange)
    }

    override func bulkGet(_ request: UnsafePointer<octavo_state_bulk_get_request>, _ reply: BulkGetReply) throws(PluginError) {
        let keys = request.pointee.keys, count = Int(keys.count)
        guard count > 0 else { return reply.items(UnsafeBufferPointer(start: nil, count: 0)) }
        var parameters = Parameters()
        parameters.add(texts: (0..<count).map { keys.at($0, as: octavo_state_key.self).pointee.key })
        let common = settings.common
        try ask(reply.call, weight: 1 + count / 10, statements.bulkGet, parameters) { rows in
            guard rows.count == count else { return reply.call.fail(Failure.unexpected(common)) }
            FoundItems.with(rows, count: count, first: 0, key: { keys.at($0, as: octavo_state_key.self).pointee.key }) { reply.items($0) }
        }
    }

    override func bulkSet(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) {
        try BulkWrite(self, request.pointee.writes, removes: false, reply).send()
    }

    override func bulkRemove(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) {
        try BulkWrite(self, request.pointee.writes, removes: true, reply).send()
    }

    override func transact(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: EmptyReply) throws(PluginError) {
        let writes = request.pointee.writes
        guard writes.count > 0 else { return reply.done() }
        var items: [StateWrite] = []
        for index in 0..<Int(writes.count) {
            let write = writes.at(index, as: octavo_state_write.self)
            do throws(PluginError) {
                items.append(try StateWrite(write, removes: write.pointee.operation == OCTAVO_STATE_REMOVE))
            } catch {
                var failure = error
                failure.index = index
                throw failure
            }
        }
        try transact(items, reply, attempts: 5)
    }

    private func transact(_ items: [StateWrite], _ reply: EmptyReply, attempts: Int) throws(PluginError) {
        let exchange = Exchange(isRead: false, weight: items.count) { [unowned(unsafe) self] outcome in
            guard case .failed(let refusal) = outcome else { return reply.done() }
            var error = refusal.error
            // Two that waited for each other: the server has undone this one.
            if refusal.has("40P01") || refusal.has("40001"), attempts > 1, reply.call.isOpen {
                do throws(PluginError) { return try self.transact(items, reply, attempts: attempts - 1) } catch let again { error = again }
            }
            if refusal.has(StateStatements.noRow) { error = items[refusal.step].refusal }
            if !refusal.state.utf8.isEmpty, error.flags & OCTAVO_ERROR_OUTAGE == 0 { error.index = refusal.step }
            reply.call.fail(error)
        }
        for item in items { item.add(to: exchange, statements, isStrict: true) }
        try client.pick().send(exchange)
    }

    override func query(_ request: UnsafePointer<octavo_state_query_request>, _ reply: QueryReply) throws(PluginError) {
        guard hasQuery else { throw .unimplemented("This store has no function octavo_json in its database, so it can't query.") }
        let limit = request.pointee.limit == 0 ? 100 : Int(min(request.pointee.limit, 1 << 16))
        let offset = try Self.number(request.pointee.token)
        let query = try QueryText(request.pointee, settings, limit: limit, offset: offset)
        try ask(reply.call, weight: 50, Statement(query.text), query.parameters) { rows in
            let count = min(rows.count, limit)
            FoundItems.with(rows, count: count, first: 1, key: { rows.text($0, 0) }) { items in
                Decimal.with(offset + UInt64(count)) { reply.items(items, token: rows.count > limit ? $0 : .absent) }
            }
        }
    }

    private static func number(_ token: Str) throws(PluginError) -> UInt64 {
        guard token.isPresent else { return 0 }
        guard let given = token.decimal, given <= UInt64(Int64.max) / 2 else {
            throw .invalid("The page token was not given by this store. Start again without a token.")
        }
        return given
    }

    override func keys(_ request: UnsafePointer<octavo_state_keys_request>, _ reply: KeysReply) throws(PluginError) {
        let limit = request.pointee.limit == 0 ? 1000 : Int(min(request.pointee.limit, 1 << 20))
        var parameters = Parameters()
        parameters.add(text: request.pointee.pattern)
        parameters.add(integer: Int64(limit) + 1)
        if request.pointee.token.isPresent { parameters.add(text: request.pointee.token) } else { parameters.add(text: nil) }
        let isLike = request.pointee.style == OCTAVO_KEYS_LIKE
        try ask(reply.call, weight: 50, isLike ? statements.keysLike : statements.keys, parameters) { rows in
            let keys = (0..<min(rows.count, limit)).map { rows.text($0, 0) }
            let token = rows.count > limit ? keys[limit - 1] : .absent
            keys.withUnsafeBufferPointer { reply.keys($0, token: token) }
        }
    }

    override func removePrefix(_ request: UnsafePointer<octavo_state_prefix_request>, _ reply: CountReply) throws(PluginError) {
        var parameters = Parameters()
        parameters.add(text: request.pointee.prefix)
        try ask(reply.call, isRead: false, weight: 50, statements.removePrefix, parameters) { rows in
            reply.count(UInt64(max(rows.integer(0, 0) ?? 0, 0)))
        }
    }
}
