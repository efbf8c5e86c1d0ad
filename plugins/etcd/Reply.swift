import PluginKit

/// What a server has answered: the members that are used, of whatever operation.
struct Reply {
    struct Pair {
        /// Position in the transaction; -1: not of one.
        var group = -1
        var isRemoval = false
        var key: [UInt8] = []
        var value: [UInt8] = []
        var created: Int64 = 0
        var modified: Int64 = 0
        var lease: Int64 = 0
    }

    var revision: Int64 = 0
    var succeeded = false
    var pairs: [Pair] = []
    /// What a write took away.
    var before: [Pair] = []
    var lease: Int64 = 0
    /// Of the lease, in seconds; 0: it is over.
    var lifetime: Int64 = 0
    var deleted: Int64 = 0
    /// There are more keys than were asked for at once.
    var hasMore = false
    var token: [UInt8] = []
    var problem: [UInt8] = []
    var code: Int64 = 0
    var isCancelled = false
    var compacted: Int64 = 0

    /// The first pair at that place of a transaction.
    func pair(_ group: Int = -1) -> Pair? { pairs.first { $0.group == group } }

    /// `nil`: it is no JSON object.
    static func read(_ text: [UInt8]) -> Reply? {
        let collector = Collector()
        return text.withUnsafeBytes { bytes in
            do throws(PluginError) { try JSONReader.read(bytes) { collector.take($0, $1) } } catch { return nil }
            return collector.reply
        }
    }

    private final class Collector {
        var reply = Reply()
        private var place: [[UInt8]] = []
        private var placeBefore: [[UInt8]] = []

        private func number(_ text: [UInt8]) -> Int64 {
            let isNegative = text.first == 0x2D
            let value = (isNegative ? [UInt8](text.dropFirst()) : text).withUnsafeBytes { Str($0).decimal } ?? 0
            return Int64(truncatingIfNeeded: value) * (isNegative ? -1 : 1)
        }

        private func `is`(_ name: [UInt8], _ word: StaticString) -> Bool { name.withUnsafeBytes { Str($0).equals(word) } }

        func take(_ whole: [[UInt8]], _ value: [UInt8]) {
            var path = whole[...]
            if let first = path.first, `is`(first, "result") { path = path.dropFirst() }
            guard let head = path.first else { return }
            if path.count == 1 {
                if `is`(head, "succeeded") { reply.succeeded = `is`(value, "true") }
                if `is`(head, "ID") { reply.lease = number(value) }
                if `is`(head, "TTL") { reply.lifetime = number(value) }
                if `is`(head, "deleted") { reply.deleted = number(value) }
                if `is`(head, "more") { reply.hasMore = `is`(value, "true") }
                if `is`(head, "token") { reply.token = value }
                if `is`(head, "error") || `is`(head, "message") { reply.problem = value }
                if `is`(head, "code") { reply.code = number(value) }
                if `is`(head, "canceled") { reply.isCancelled = `is`(value, "true") }
                if `is`(head, "compact_revision") { reply.compacted = number(value) }
                return
            }
            if `is`(head, "error"), path.count == 2, `is`(path.last!, "message") { reply.problem = value }
            if `is`(head, "header"), `is`(path.last!, "revision") { reply.revision = number(value) }
            let field = path.last!
            // The object around the field.
            let owner = [[UInt8]](path.dropLast())
            var group = -1
            if `is`(head, "responses"), path.count > 1 { group = Int(number(path[path.startIndex + 1])) }
            if `is`(head, "events"), path.count == 3, `is`(field, "type") {
                // Before the pair: begins it.
                reply.pairs.append(Pair(isRemoval: `is`(value, "DELETE")))
                place = owner + [Str("kv").array]
                return
            }
            for name in owner where `is`(name, "prev_kvs") || `is`(name, "prev_kv") {
                if `is`(head, "events") { return }
                if placeBefore != owner { reply.before.append(Pair(group: group)) }
                placeBefore = owner
                fill(&reply.before[reply.before.count - 1], field, value)
                return
            }
            let isPair = owner.contains { `is`($0, "kvs") } || (`is`(head, "events") && `is`(owner.last!, "kv"))
            guard isPair else { return }
            if place != owner { reply.pairs.append(Pair(group: group)) }
            place = owner
            fill(&reply.pairs[reply.pairs.count - 1], field, value)
        }

        private func fill(_ pair: inout Pair, _ field: [UInt8], _ value: [UInt8]) {
            if `is`(field, "key") { pair.key = bytes(value) }
            if `is`(field, "value") { pair.value = bytes(value) }
            if `is`(field, "create_revision") { pair.created = number(value) }
            if `is`(field, "mod_revision") { pair.modified = number(value) }
            if `is`(field, "lease") { pair.lease = number(value) }
        }

        private func bytes(_ text: [UInt8]) -> [UInt8] {
            var data = [UInt8](repeating: 0, count: text.count / 4 * 3 + 3)
            let count = data.withUnsafeMutableBufferPointer { data in
                text.withUnsafeBytes { Base64.decode($0, to: data.baseAddress!) }
            }
            return [UInt8](data.prefix(count ?? 0))
        }
    }
}
