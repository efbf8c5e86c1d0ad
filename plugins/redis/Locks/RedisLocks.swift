import PluginKit

/// `lock.redis`. A lock is a key that expires and holds its owner, as Dapr's: the two can share a server, and locks.
/// Without fencing tokens: a server that forgets its counter (a restart, a failover) would give smaller ones.
final class RedisLocks: LockStore {
    static let offered = OCTAVO_LOCK_EXTEND

    private let client: Client

    init(_ settings: Settings, _ instance: Instance) {
        client = Client(settings, instance, scripts: [.unlock, .extend])
        super.init(instance, Features(Self.offered))
    }

    override func start(_ call: Call) throws(PluginError) { try client.start(call) }
    override func stop(_ call: Call) throws(PluginError) { client.stop(call) }
    override func health(_ call: Call) throws(PluginError) { try client.health(call) }

    override func tryLock(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) {
        try send(.lock, request, reply)
    }

    override func unlock(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) {
        try send(.unlock, request, reply)
    }

    override func extend(_ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) throws(PluginError) {
        try send(.extend, request, reply)
    }

    private func send(
        _ step: LockExchange.Step, _ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply
    ) throws(PluginError) {
        if step != .unlock, request.pointee.expiry_ns <= 0 {
            throw .invalid("A lock needs an expiry that is not over already.")
        }
        LockExchange(try client.pick(), step, request, reply).send(withSource: false)
    }
}

/// One operation on a lock.
private final class LockExchange: Exchange {
    enum Step { case lock, unlock, extend }

    private let connection: Connection
    private let step: Step
    private let request: UnsafePointer<octavo_lock_request>
    private let reply: LockReply

    init(_ connection: Connection, _ step: Step, _ request: UnsafePointer<octavo_lock_request>, _ reply: LockReply) {
        self.connection = connection
        self.step = step
        self.request = request
        self.reply = reply
        super.init(isRead: false)
    }

    /// Redis refuses a time that its clock can't hold.
    private var milliseconds: Int64 { min(max(request.pointee.expiry_ns / 1_000_000, 1), 1 << 52) }

    func send(withSource: Bool) {
        let output = connection.output
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self))
        switch step {
        case .lock:
            output.command(6)
            output.argument("SET")
            output.argument(request.pointee.resource)
            output.argument(request.pointee.owner)
            output.argument("NX")
            output.argument("PX")
            output.argument(milliseconds)
        case .unlock, .extend:
            let script: Script = step == .unlock ? .unlock : .extend
            connection.appendScript(script, withSource: withSource, keys: 1, arguments: step == .unlock ? 1 : 2)
            output.argument(request.pointee.resource)
            output.argument(request.pointee.owner)
            if step == .extend { output.argument(milliseconds) }
        }
    }

    override func answered(_ number: Int, _ answer: inout RESPReader) {
        let value = answer.next()
        switch (value.kind, step) {
        case (.error, _):
            if value.text.hasPrefix(Str("NOSCRIPT")) { return send(withSource: true) }
            reply.call.fail(Failure.from(value.text, connection.settings))
        case (.text, .lock): reply.answer(.ok)
        case (.null, .lock): reply.answer(.held)
        case (.integer, .unlock), (.integer, .extend):
            reply.answer(value.integer == 1 ? .ok : value.integer == 0 ? .notFound : .otherOwner)
        default: reply.call.fail(Failure.unexpected(connection.settings))
        }
    }

    override func failed(_ number: Int, _ error: PluginError) { reply.call.fail(error) }
}
