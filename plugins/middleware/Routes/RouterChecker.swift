import PluginKit

/// `middleware.http.routerchecker`: lets requests through whose path, with its query, matches a rule. On event loops.
final class RouterChecker: Filter {
    private let rule: Pattern

    static var fields: [Field] {
        [
            .string(
                "rule", required: true, example: "^/v1[.]0/invoke/orders/method/[A-Za-z0-9/._-]+$",
                "Regular expression in the syntax of RE2 that the path with its query must match; others are answered with 400.")
        ]
    }

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        do throws(PluginError) { rule = try Pattern(config.text("rule").array) } catch {
            throw .invalid("rule can't be used: \(error.message).")
        }
        super.init(instance, Features(0))
    }

    override func onRequest(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) {
        if rule.isFound(in: message.pointee.path.raw) { return reply.pass() }
        reply.answer(400, text: "invalid router")
    }
}
