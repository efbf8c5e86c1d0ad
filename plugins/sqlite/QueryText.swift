import CSQLite
import PluginKit

/// Turns a filter and a sort into SQL on the JSON functions. Paths and values are always parameters.
final class QueryText {
    private(set) var text = ""
    private enum Parameter {
        case text([UInt8])
        case number(Double)
    }
    private var parameters: [Parameter] = []
    private let nodes: octavo_list

    /// Nesting of AND and OR that is followed; SQLite's own limit is 1,000.
    private static let maxDepth = 32

    init(_ request: octavo_state_query_request, table: String, now: Str, limit: Int, offset: UInt64) throws(PluginError) {
        nodes = request.nodes
        text = "SELECT key, value, is_binary, etag, expiration_time FROM \(table) WHERE (expiration_time IS NULL OR expiration_time > "
        text += parameter(.text(now.array)) + ")"
        let range = PrefixRange.end(request.key_prefix)
        text += " AND key >= " + parameter(.text(request.key_prefix.array))
        if !range.isEmpty { text += " AND key < " + parameter(.text(range)) }
        // CASE fixes the order: JSON functions fail on a value that is no JSON.
        text += " AND CASE WHEN is_binary = 0 AND json_valid(value) THEN "
        if nodes.count == 0 { text += "1" } else { try filter(0, 0) }
        text += " ELSE 0 END ORDER BY "
        for index in 0..<Int(request.sort.count) {
            let sort = request.sort.at(index, as: octavo_query_sort.self).pointee
            text += "json_extract(value, " + (try path(sort.path)) + (sort.descending != 0 ? ") DESC, " : "), ")
        }
        text += "key LIMIT \(limit + 1) OFFSET \(offset)"
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

    /// "person.org" as the path of SQLite: $."person"."org".
    private func path(_ written: Str) throws(PluginError) -> String {
        var text: [UInt8] = [0x24]
        var isOpen = false
        for byte in written.raw {
            if byte == 0x22 {
                throw .invalid("The query path \(written.string) holds a quotation mark, which SQLite's paths can't.")
            }
            if byte == 0x2E {
                if isOpen { text.append(0x22) }
                isOpen = false
                continue
            }
            if !isOpen { text.append(contentsOf: [0x2E, 0x22]) }
            isOpen = true
            text.append(byte)
        }
        if isOpen { text.append(0x22) }
        return parameter(.text(text))
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
        let place = try path(member)
        switch value.type {
        case OCTAVO_QUERY_NULL: text += "(json_extract(value, \(place)) IS NULL)"
        case OCTAVO_QUERY_BOOLEAN:
            text += "(coalesce(json_type(value, \(place)), '') = '" + (value.boolean != 0 ? "true" : "false") + "')"
        case OCTAVO_QUERY_NUMBER:
            text += "(coalesce(json_type(value, \(place)) IN ('integer', 'real'), 0) AND json_extract(value, \(place)) "
            text += operation + " " + parameter(.number(value.number)) + ")"
        default:
            text += "(coalesce(json_type(value, \(place)), '') = 'text' AND json_extract(value, \(place)) "
            text += operation + " " + parameter(.text(value.text.array)) + ")"
        }
    }
}

extension Connection {
    /// A page of what fits. The token is the number of items before the next page.
    func query(_ request: octavo_state_query_request, table: String, _ reply: QueryReply) throws(PluginError) {
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
        let query = try QueryText(request, table: table, now: moment.text, limit: limit, offset: offset)
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
