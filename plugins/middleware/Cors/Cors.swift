import PluginKit

/// `middleware.http.cors`: tells browsers which origins may ask (the Fetch standard, CORS). On event loops.
final class Cors: Filter {
    /// Empty: any.
    private let origins: [[UInt8]]
    private let methods: [[UInt8]]
    /// In small letters; empty: any.
    private let headers: [[UInt8]]
    private let exposed: [UInt8]
    private let maxAge: [UInt8]
    private let takesCredentials: Bool

    static var fields: [Field] {
        [
            .string(
                "allowedOrigins", default: "*", example: "https://shop.example,http://localhost:8080",
                "Origins whose pages may ask, separated by commas; * for all."),
            .string("allowedMethods", default: "GET,POST,PUT,PATCH,DELETE,HEAD", "Methods that they may use, separated by commas."),
            .string("allowedHeaders", default: "*", "Headers that they may send, separated by commas; * for all."),
            .string("exposedHeaders", example: "etag", "Headers of answers that they may read, separated by commas."),
            .boolean("allowCredentials", default: "false", "Whether they may send cookies and other credentials; not with allowedOrigins *."),
            .duration("maxAge", default: "10m", "How long a browser may go by an answer without asking again."),
        ]
    }

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        func list(_ name: StaticString) -> [[UInt8]] {
            let found = words(config.text(name).array)
            return found.contains { $0.elementsEqual([0x2A]) } ? [] : found
        }
        origins = list("allowedOrigins")
        let methods = words(config.text("allowedMethods").array)
        self.methods = methods
        headers = list("allowedHeaders").map(lowercased)
        var exposed: [UInt8] = []
        for name in words(config.text("exposedHeaders").array) { exposed += (exposed.isEmpty ? [] : [0x2C]) + name }
        self.exposed = exposed
        var age: [UInt8] = []
        Decimal.append(max(0, (config.duration("maxAge") ?? 0) / 1_000_000_000), to: &age)
        maxAge = age
        takesCredentials = config.flag("allowCredentials")
        if takesCredentials, origins.isEmpty {
            throw .invalid("allowCredentials goes with named origins only: any page could act for its visitor otherwise. List them in allowedOrigins.")
        }
        if methods.isEmpty { throw .invalid("allowedMethods names no method.") }
        super.init(instance, Features(0))
    }

    private func allows(_ origin: Str) -> Bool {
        origins.isEmpty || origins.contains { $0.withUnsafeBytes { Str($0).equals(origin) } }
    }

    override func onRequest(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) {
        let origin = message.header("origin"), wanted = message.header("access-control-request-method")
        guard message.pointee.method.equals("OPTIONS"), origin.isPresent, wanted.isPresent else { return reply.pass() }
        guard allows(origin), methods.contains(where: { $0.withUnsafeBytes { Str($0).equals(wanted) } }),
            let asked = headers(message.header("access-control-request-headers").array)
        else { return reply.answer(403, text: "This origin may not ask so.", [vary]) }
        var fields = granted(origin)
        fields.append((Str("access-control-allow-methods").array, wanted.array))
        if !asked.isEmpty { fields.append((Str("access-control-allow-headers").array, asked)) }
        fields.append((Str("access-control-max-age").array, maxAge))
        reply.answer(204, fields)
    }

    override func onResponse(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) {
        let origin = message.requestHeader("origin")
        guard origin.isPresent, allows(origin) else { return reply.pass() }
        var changes = FilterChanges()
        changes.set = granted(origin)
        if !exposed.isEmpty { changes.set.append((Str("access-control-expose-headers").array, exposed)) }
        reply.change(changes)
    }

    /// Those that were asked for, when all of them may be sent.
    private func headers(_ asked: [UInt8]) -> [UInt8]? {
        guard !headers.isEmpty else { return asked }
        for name in words(lowercased(asked)) where !headers.contains(where: { $0.elementsEqual(name) }) { return nil }
        return asked
    }

    private var vary: (name: [UInt8], value: [UInt8]) { (Str("vary").array, Str("origin").array) }

    private func granted(_ origin: Str) -> [(name: [UInt8], value: [UInt8])] {
        let isAny = origins.isEmpty
        var fields = [(name: Str("access-control-allow-origin").array, value: isAny ? [0x2A] : origin.array)]
        if !isAny { fields.append(vary) }
        if takesCredentials { fields.append((Str("access-control-allow-credentials").array, Str("true").array)) }
        return fields
    }
}
