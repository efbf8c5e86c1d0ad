import CSQLite
import PluginKit

/// `state.sqlite`. Operations come on worker threads: reads take a connection of their own from a pool,
/// writes go through the queue to the one that writes.
final class SQLiteStore: StateStore {
    static let offered =
        OCTAVO_STATE_ETAG | OCTAVO_STATE_TTL | OCTAVO_STATE_BULK | OCTAVO_STATE_TRANSACTION | OCTAVO_STATE_QUERY
        | OCTAVO_STATE_KEYS_LIKE | OCTAVO_STATE_REMOVE_PREFIX

    let settings: Settings
    private let queue = WriteQueue()
    private var writer: Writer?
    private let lock = Lock()
    private var readers: [Connection] = []
    /// Device and number of the file when it was opened.
    private var identity: (UInt, UInt) = (0, 0)

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        super.init(instance, Features(Self.offered, maxValueBytes: 700_000_000))
    }

    override func start(_ call: Call) throws(PluginError) {
        writer = try Writer(settings)
        identity = fileIdentity() ?? (0, 0)
        queue.open()
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        queue.close()
        lock.with { readers = [] }
        writer = nil
        call.done()
    }

    /// Reads the table, and looks whether the file is still the one that was opened.
    override func health(_ call: Call) throws(PluginError) {
        if identity != (0, 0) {
            guard let present = fileIdentity(), present == identity else {
                throw PluginError(
                    OCTAVO_CODE_FAILED_PRECONDITION,
                    "The database file \(settings.name) was removed or replaced while it was open. Restart the component.",
                    flags: OCTAVO_ERROR_OUTAGE)
            }
        }
        try reading(call) { (connection) throws(PluginError) in
            try connection.run("SELECT 1 FROM \(self.settings.table) LIMIT 1")
            call.done()
        }
    }

    private func fileIdentity() -> (UInt, UInt)? {
        guard !settings.isMemory, let writer, let path = sqlite3_db_filename(writer.connection.db, "main") else { return nil }
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return (UInt(status.st_dev), UInt(status.st_ino))
    }

    /// Runs `body` with a connection for reading.
    private func reading(_ call: Call, _ body: @escaping (Connection) throws(PluginError) -> Void) throws(PluginError) {
        if settings.isMemory { return try enqueue(.read(body, call)) }
        var connection = lock.with { readers.popLast() }
        if connection == nil { connection = try Connection(settings) }
        let reader = connection!
        reader.setDeadline(after: settings.timeout)
        defer { lock.with { readers.append(reader) } }
        try body(reader)
    }

    private func enqueue(_ work: WriteQueue.Job.Work) throws(PluginError) {
        guard let writer else {
            throw PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is not started.", flags: OCTAVO_ERROR_RETRYABLE)
        }
        try queue.add(WriteQueue.Job(work: work)) { writer.perform($0) }
    }

    override func get(_ request: UnsafePointer<octavo_state_get_request>, _ reply: GetReply) throws(PluginError) {
        try reading(reply.call) { (connection) throws(PluginError) in
            try connection.get(request.pointee.key, reply)
        }
    }

    override func bulkGet(_ request: UnsafePointer<octavo_state_bulk_get_request>, _ reply: BulkGetReply) throws(PluginError) {
        try reading(reply.call) { (connection) throws(PluginError) in
            try connection.bulkGet(request.pointee.keys, reply)
        }
    }

    override func keys(_ request: UnsafePointer<octavo_state_keys_request>, _ reply: KeysReply) throws(PluginError) {
        try reading(reply.call) { (connection) throws(PluginError) in
            try connection.keys(request.pointee, reply)
        }
    }

    override func query(_ request: UnsafePointer<octavo_state_query_request>, _ reply: QueryReply) throws(PluginError) {
        let settings = settings
        try reading(reply.call) { (connection) throws(PluginError) in
            try connection.query(request.pointee, settings, reply)
        }
    }

    override func set(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        try enqueue(.write(request.write, operation: OCTAVO_STATE_SET, reply))
    }

    override func remove(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
        try enqueue(.write(request.write, operation: OCTAVO_STATE_REMOVE, reply))
    }

    override func bulkSet(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) {
        try enqueue(.bulk(request, operation: nil, reply))
    }

    override func bulkRemove(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: BulkWriteReply) throws(PluginError) {
        try enqueue(.bulk(request, operation: OCTAVO_STATE_REMOVE, reply))
    }

    override func transact(_ request: UnsafePointer<octavo_state_writes_request>, _ reply: EmptyReply) throws(PluginError) {
        try enqueue(.transaction(request, reply))
    }

    override func removePrefix(_ request: UnsafePointer<octavo_state_prefix_request>, _ reply: CountReply) throws(PluginError) {
        try enqueue(.removePrefix(request.pointee.prefix, reply))
    }
}
