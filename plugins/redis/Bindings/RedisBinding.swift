import PluginKit

/// `bindings.redis`: keys of a Redis server with plain values. Source: Dapr, whose data go to the key as they come.
final class RedisBinding: Binding {
    private let client: Client

    init(_ settings: Settings, _ instance: Instance) {
        client = Client(settings, instance)
        super.init(instance, Features(OCTAVO_BINDING_OUTPUT))
    }

    override func start(_ call: Call) throws(PluginError) { try client.start(call) }
    override func stop(_ call: Call) throws(PluginError) { client.stop(call) }
    override func health(_ call: Call) throws(PluginError) { try client.health(call) }

    override func invoke(_ request: UnsafePointer<octavo_binding_invoke_request>, _ reply: InvokeReply) throws(PluginError) {
        let operation = request.pointee.operation, metadata = request.pointee.head.metadata
        let step: RedisCommand.Step
        if operation.equals("create") {
            step = .create
        } else if operation.equals("get") {
            step = Word.isTrue(metadata.pair("delete")) ? .take : .get
        } else if operation.equals("delete") {
            step = .delete
        } else if operation.equals("increment") {
            step = .increment
        } else {
            throw Binding.unknownOperation(operation, "create, get, delete and increment")
        }
        guard !metadata.pair("key").isEmpty else { throw .invalid("The request's metadata have no key; name the key of Redis.") }
        var ttl: Int64 = 0
        let written = metadata.pair("ttlInSeconds")
        if !written.isEmpty {
            guard let seconds = written.decimal, seconds > 0, seconds < 1 << 40 else {
                throw .invalid("ttlInSeconds \"\(written.string)\" is no number of seconds above 0.")
            }
            ttl = Int64(seconds)
        }
        RedisCommand(try client.pick(), step, request, ttl, reply).send()
    }

    private enum Word {
        static func isTrue(_ text: Str) -> Bool { text.equals("true") || text.equals("True") || text.equals("1") }
    }
}

/// One operation under way.
private final class RedisCommand: Exchange {
    enum Step { case create, get, take, delete, increment }

    private let connection: Connection
    private let step: Step
    private let request: UnsafePointer<octavo_binding_invoke_request>
    private let ttl: Int64
    private let reply: InvokeReply
    private var counted: [UInt8] = []

    init(
        _ connection: Connection, _ step: Step, _ request: UnsafePointer<octavo_binding_invoke_request>, _ ttl: Int64,
        _ reply: InvokeReply
    ) {
        self.connection = connection
        self.step = step
        self.request = request
        self.ttl = ttl
        self.reply = reply
        super.init(isRead: step == .get)
    }

    func send() {
        let output = connection.output, key = request.pointee.head.metadata.pair("key")
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self))
        switch step {
        case .create:
            output.command(ttl > 0 ? 5 : 3)
            output.argument("SET")
            output.argument(key)
            output.argument(Str(request.pointee.data.raw))
            if ttl > 0 {
                output.argument("EX")
                output.argument(ttl)
            }
        case .get, .take, .delete:
            output.command(2)
            output.argument(step == .get ? "GET" : step == .take ? "GETDEL" : "DEL")
            output.argument(key)
        case .increment:
            output.command(2)
            output.argument("INCR")
            output.argument(key)
        }
    }

    private func sendExpiry() {
        let output = connection.output
        connection.expect(Pending(kind: .exchange, call: 0, request: nil, exchange: self))
        output.command(3)
        output.argument("EXPIRE")
        output.argument(request.pointee.head.metadata.pair("key"))
        output.argument(ttl)
    }

    override func answered(_ number: Int, _ answer: inout RESPReader) {
        let value = answer.next()
        if value.kind == .error { return reply.call.fail(Failure.from(value.text, connection.settings)) }
        switch step {
        case .get, .take:
            // As in Dapr a key that there is not has no data.
            if value.kind == .text { reply.done(Bytes(value.text.raw)) } else { reply.done() }
        case .create, .delete: reply.done()
        case .increment:
            if counted.isEmpty { Decimal.append(value.integer, to: &counted) } else { return told() }
            if ttl > 0 { sendExpiry() } else { told() }
        }
    }

    private func told() { counted.withUnsafeBytes { reply.done(Bytes($0)) } }

    override func failed(_ number: Int, _ error: PluginError) { reply.call.fail(error) }
}
