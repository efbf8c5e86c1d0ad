import PluginKit

/// `state.redis`. Everything happens on the instance's reactor thread.
final class RedisStore: StateStore {
    static let offered =
        OCTAVO_STATE_ETAG | OCTAVO_STATE_TTL | OCTAVO_STATE_BULK | OCTAVO_STATE_TRANSACTION | OCTAVO_STATE_KEYS_LIKE
        | OCTAVO_STATE_REMOVE_PREFIX

    private let client: Client

    init(_ settings: Settings, _ instance: Instance) {
        client = Client(settings, instance, scripts: [.set, .remove, .transact])
        // The server takes 512 MB for one value.
        super.init(instance, Features(Self.offered, maxValueBytes: 512 << 20))
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) { try client.start(call) }
    override func stop(_ call: Call) throws(PluginError) { client.stop(call) }
    /// Asks the server.
    override func health(_ call: Call) throws(PluginError) { try client.health(call) }

    private func pick() throws(PluginError) -> Connection { try client.pick() }

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
