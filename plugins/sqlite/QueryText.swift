import CSQLite
import PluginKit

/// Turns a filter and a sort into SQL on the JSON functions. Values are always parameters; paths are quoted literals, because
/// an index is found by them.
final class QueryText {
    private(set) var text = ""
    private enum Parameter {
        case text([UInt8])
        case number(Double)
    }
    private var parameters: [Parameter] = []
    private let nodes: octavo_list
    private let indexes: QueryIndexes

    /// Nesting of AND and OR that is followed; SQLite's own limit is 1,000.
    private static let maxDepth = 32

    init(_ request: octavo_state_query_request, _ settings: Settings, now: Str, limit: Int, offset: UInt64) throws(PluginError) {
        nodes = request.nodes
        indexes = settings.indexes
        var condition = ""
        if nodes.count > 0 {
            try filter(0, 0)
            (condition, text) = (" AND " + text, "")
        }
        text += "SELECT key, value, is_binary, etag, expiration_time FROM \(settings.table) WHERE (expiration_time IS NULL OR expiration_time > "
        text += parameter(.text(now.array)) + ")"
        let range = PrefixRange.end(request.key_prefix)
        // The plus keeps SQLite from taking the index of keys (all keys of an app begin alike, and rows come out in order) rather than
        // one of queryIndexes.
        let key = nodes.count > 0 && isServed(0) ? "+key" : "key"
        text += " AND \(key) >= " + parameter(.text(request.key_prefix.array))
        if !range.isEmpty { text += " AND \(key) < " + parameter(.text(range)) }
        text += condition
        // Without a filter, too: only documents are found.
        text += " AND is_binary = 0 AND json_valid(value) ORDER BY "
        for index in 0..<Int(request.sort.count) {
            let sort = request.sort.at(index, as: octavo_query_sort.self).pointee
            text += (try JSONMember(sort.path.array)).value + (sort.descending != 0 ? " DESC, " : ", ")
        }
        text += "\(key) LIMIT \(limit + 1) OFFSET \(offset)"
    }

    /// Whether the rows that the node describes can be found by the indexes; the tree has been checked.
    private func isServed(_ index: Int) -> Bool {
        let node = nodes.at(index, as: octavo_query_node.self).pointee
        let children = Int(node.first_child)..<Int(node.first_child) + Int(node.child_count)
        switch node.operation {
        case OCTAVO_QUERY_AND: return children.contains { isServed($0) }
        case OCTAVO_QUERY_OR: return !children.isEmpty && children.allSatisfy { isServed($0) }
        case OCTAVO_QUERY_NEQ: return false
        default:
            guard node.values.count > 0, indexes.serves(node.path, numeric: false) || indexes.serves(node.path, numeric: true) else {
                return false
            }
            return (0..<Int(node.values.count)).allSatisfy {
                let type = node.values.at($0, as: octavo_query_value.self).pointee.type
                return type != OCTAVO_QUERY_NULL && type != OCTAVO_QUERY_BOOLEAN
            }
        }
    }

    private func parameter(_ value: Parameter) -> String {
        parameters.append(value)
        return "?\(parameters.count)"
    }

    /// Binds all parameters. Keep this object until the statement is finalized.
    func bind(to statement: OpaquePointer) {
        for (index, value) in parameters.enumerated() {
            switch value {
            case .number(let number): sqlite3_bind_double(statement, Int32(index) + 1, number)
            case .text(let text):
                // The memory of an array that nobody changes stays where it is.
                text.withUnsafeBytes { SQLitePlugin.bind(statement, Int32(index) + 1, Str($0)) }
            }
        }
    }

    private func filter(_ index: Int, _ depth: Int) throws(PluginError) {
        guard depth < QueryText.maxDepth else {
            throw .invalid("The query nests AND and OR deeper than \(QueryText.maxDepth).")
        }
        let node = nodes.at(index, as: octavo_query_node.self).pointee
        switch node.operation {
        case OCTAVO_QUERY_AND, OCTAVO_QUERY_OR:
            let first = Int(node.first_child), count = Int(node.child_count)
            // Children come after their parent, so that a tree can't be a circle.
            guard first > index, first + count <= Int(nodes.count) else {
                throw .invalid("The query's tree is broken: node \(index) has children that don't exist.")
            }
            text += "("
            for child in 0..<count {
                if child > 0 { text += node.operation == OCTAVO_QUERY_AND ? " AND " : " OR " }
                try filter(first + child, depth + 1)
            }
            text += count == 0 ? (node.operation == OCTAVO_QUERY_AND ? "1)" : "0)") : ")"
        case OCTAVO_QUERY_IN:
            text += "("
            for value in 0..<Int(node.values.count) {
                if value > 0 { text += " OR " }
                try compare(node.path, "=", node.values.at(value, as: octavo_query_value.self).pointee)
            }
            text += node.values.count == 0 ? "0)" : ")"
        default:
            guard node.values.count >= 1 else { throw .invalid("The query compares \(node.path.string) with nothing.") }
            let value = node.values.at(0, as: octavo_query_value.self).pointee
            switch node.operation {
            case OCTAVO_QUERY_EQ: try compare(node.path, "=", value)
            case OCTAVO_QUERY_NEQ:
                // What can't be compared is not equal: a member that is missing is NULL, and its type ''.
                text += "NOT "
                try compare(node.path, "=", value)
            case OCTAVO_QUERY_GT: try compare(node.path, ">", value)
            case OCTAVO_QUERY_GTE: try compare(node.path, ">=", value)
            case OCTAVO_QUERY_LT: try compare(node.path, "<", value)
            case OCTAVO_QUERY_LTE: try compare(node.path, "<=", value)
            default: throw .invalid("The query has an operation that this store does not know: \(node.operation).")
            }
        }
    }

    /// Only values of the same type are compared: SQLite itself would find every text bigger than any number.
    private func compare(_ member: Str, _ operation: String, _ value: octavo_query_value) throws(PluginError) {
        let member = try JSONMember(member.array)
        switch value.type {
        case OCTAVO_QUERY_NULL: text += "(\(member.value) IS NULL)"
        case OCTAVO_QUERY_BOOLEAN: text += "(\(member.type) = '" + (value.boolean != 0 ? "true" : "false") + "')"
        case OCTAVO_QUERY_NUMBER:
            text += "(\(member.value) \(operation) " + parameter(.number(value.number)) + " AND \(member.type) IN ('integer', 'real'))"
        default:
            text += "(\(member.value) \(operation) " + parameter(.text(value.text.array)) + " AND \(member.type) = 'text')"
        }
    }
}

extension Connection {
    /// A page of what fits. The token is the number of items before the next page.
    func query(_ request: octavo_state_query_request, _ settings: Settings, _ reply: QueryReply) throws(PluginError) {
        let limit = request.limit == 0 ? 100 : Int(min(request.limit, 1 << 16))
        var offset: UInt64 = 0
        if request.token.isPresent {
            guard let given = request.token.decimal, given <= UInt64(Int64.max) / 2 else {
                throw .invalid("The page token was not given by this store. Start again without a token.")
            }
            offset = given
        }
        let moment = Moment(plugin_kit_wall())
        defer { moment.deallocate() }
        let query = try QueryText(request, settings, now: moment.text, limit: limit, offset: offset)
        let statement = try compile(query.text)
        defer { sqlite3_finalize(statement) }
        query.bind(to: statement)
        let items = ItemList(capacity: limit)
        var hasMore = false
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { break }
            guard code == SQLITE_ROW else { throw error(code) }
            if items.count == limit {
                hasMore = true
                break
            }
            let key = column(statement, 0), etag = column(statement, 3), expiration = column(statement, 4)
            try Row.withValue(statement, 1) { items.add(key, $0, etag, expiration) }
        }
        let next = offset + UInt64(items.count)
        items.withItems { items in
            Decimal.with(next) { reply.items(items, token: hasMore ? $0 : .absent) }
        }
    }
}
