import PluginKit

/// `middleware.http.uppercase`: the body of requests in capitals, for trying out pipelines. On event loops.
final class Uppercase: Filter {
    init(_ instance: Instance) { super.init(instance, Features(OCTAVO_FILTER_BODY)) }

    override func onRequest(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) {
        var changes = FilterChanges()
        changes.body = message.pointee.body.raw.map { $0 &- 97 < 26 ? $0 & 0xDF : $0 }
        reply.change(changes)
    }
}
