import CSQLite
import PluginKit
import SQLitePluginNative

/// `lock.sqlite`. One row a lock that is held; all processes of this machine that open the file share them. One thread at
/// a time: an operation is a few microseconds and, when it changes something, a wait for the disk.
final class SQLiteLocks: LockStore {
    static let offered = OCTAVO_LOCK_EXTEND | OCTAVO_LOCK_FENCING

    private let settings: Settings
    private let monitor = Monitor()
    private var table: LockTable?

    init(_ settings: Settings, _ instance: Instance) throws(PluginError) {
        try settings.requireFile()
        self.settings = settings
        super.init(instance, Features(Self.offered))
    }

    override func start(_ call: Call) throws(PluginError) {
        table = try LockTable(settings)
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        monitor.with { table = nil }
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) {
        try answer { (table) throws(PluginError) in try table.check() }
        call.done()
    }

    override func tryLock(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) {
        let expiry = try expiry(request)
        let (result, fencing) = try answer { (table) throws(PluginError) in
            try table.tryLock(request.pointee.resource, request.pointee.owner, expiry)
        }
        reply.answer(result, fencing: fencing)
    }

    override func unlock(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) {
        reply.answer(
            try answer { (table) throws(PluginError) in try table.unlock(request.pointee.resource, request.pointee.owner) })
    }

    override func extend(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) {
        let expiry = try expiry(request)
        let (result, fencing) = try answer { (table) throws(PluginError) in
            try table.extend(request.pointee.resource, request.pointee.owner, expiry)
        }
        reply.answer(result, fencing: fencing)
    }

    private func expiry(_ request: UnsafePointer<octavo_lock_request>) throws(PluginError) -> Int64 {
        guard request.pointee.expiry_ns > 0 else { throw .invalid("A lock needs an expiry that is not over already.") }
        return request.pointee.expiry_ns
    }

    /// Runs `body` with the table, alone. Its call is completed after that: the lock must not be held then.
    private func answer<Answer>(_ body: (LockTable) throws(PluginError) -> Answer) throws(PluginError) -> Answer {
        let outcome: Result<Answer, PluginError> = monitor.with {
            guard let table else {
                return .failure(
                    PluginError(OCTAVO_CODE_UNAVAILABLE, "The store is not started.", flags: OCTAVO_ERROR_RETRYABLE))
            }
            do throws(PluginError) { return .success(try body(table)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
