import PluginKit

/// `bindings.postgresql`: the app's own statements. On the instance's reactor thread.
final class PostgreSQLBinding: Binding {
    static let offered = OCTAVO_BINDING_OUTPUT
    static let names: StaticString = "exec, query and close"

    private let client: Client

    init(_ settings: Settings, _ instance: Instance) {
        client = Client(settings, instance, connections: settings.connections)
        super.init(instance, Features(Self.offered, maxValueBytes: 256 << 20))
    }

    override func start(_ call: Call) throws(PluginError) { client.start(call) }
    override func stop(_ call: Call) throws(PluginError) { client.stop(call) }
    override func health(_ call: Call) throws(PluginError) { try client.health(call) }

    override func invoke(_ request: UnsafePointer<octavo_binding_invoke_request>, _ reply: InvokeReply) throws(PluginError) {
        let operation = request.pointee.operation, metadata = request.pointee.head.metadata
        // Connections belong to the component, and go back by themselves.
        if operation.equals("close") { return reply.done() }
        let isQuery = operation.equals("query")
        guard isQuery || operation.equals("exec") else { throw Self.unknownOperation(operation, Self.names) }
        let sql = metadata.pair("sql")
        guard !sql.isEmpty else { throw .invalid("The metadata sql is missing: it is the statement to be carried out.") }
        try StatementCheck.check(sql)
        let parameters = try JSONParameters.read(metadata.pair("params"))

        let began = plugin_kit_wall(), start = Host.now(), name = operation.array, written = sql.array
        let exchange = Exchange(isRead: false, weight: 10) { outcome in
            switch outcome {
            case .failed(let refusal): reply.call.fail(refusal.error)
            case .done(let rows):
                let took = max(Host.now() - start, 0)
                var answer: [([UInt8], [UInt8])] = [
                    (Self.bytes("operation"), name), (Self.bytes("sql"), written), (Self.bytes("start-time"), TimeText.moment(began)),
                    (Self.bytes("end-time"), TimeText.moment(began + took)), (Self.bytes("duration"), TimeText.duration(took)),
                ]
                guard isQuery else {
                    var affected: [UInt8] = []
                    Decimal.append(Int64(rows[0].affected), to: &affected)
                    answer.append((Self.bytes("rows-affected"), affected))
                    return reply.done(metadata: answer)
                }
                rowsAsJSON(rows[0]).withUnsafeBytes { reply.done(Bytes($0), contentType: Str("application/json"), metadata: answer) }
            }
        }
        exchange.add(Statement(foreign: sql), parameters)
        try client.pick().send(exchange)
    }

    private static func bytes(_ word: StaticString) -> [UInt8] { Str(word).array }

    static var fields: [Field] {
        // The name that older files have.
        var fields = Settings.fields
        fields[0] = fields[0].alias("url")
        return fields
    }

    static var operations: [Operation] {
        [
            Operation("exec", "Carries out the statement in the metadata sql; params has its parameters, a JSON array. Tells how many rows it changed."),
            Operation("query", "The same, and gives the rows: a JSON array with an array for each."),
            Operation("close", repeatable: true, "Nothing: connections go back by themselves."),
        ]
    }
}
