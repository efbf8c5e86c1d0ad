import PluginKit

/// Turns a filter and a sort into SQL on jsonb. Values are always parameters; names of members are quoted literals, because
/// an index is found by them.
struct QueryText {
    private(set) var text = ""
    private(set) var parameters = Parameters()
    private let nodes: octavo_list
    private let function: String

    /// Nesting of AND and OR that is followed.
    private static let maxDepth = 32

    init(_ request: octavo_state_query_request, _ settings: StateSettings, limit: Int, offset: UInt64) throws(PluginError) {
        nodes = request.nodes
        function = settings.function
        text = "SELECT key, value, etag, expires_at FROM \(settings.table) WHERE (expires_at IS NULL OR expires_at >= now())"
        if !request.key_prefix.isEmpty {
            parameters.add(text: request.key_prefix)
            text += " AND starts_with(key, $1)"
        }
        // Without a filter, too: only documents are found. A filter that needs a member has said so already.
        if nodes.count > 0 {
            text += " AND "
            try filter(0, 0)
        }
        text += " AND \(function)(value) IS NOT NULL ORDER BY "
        for index in 0..<Int(request.sort.count) {
            let sort = request.sort.at(index, as: octavo_query_sort.self).pointee
            let member = try member(sort.path), direction = sort.descending != 0 ? " DESC NULLS LAST" : " NULLS FIRST"
            // Numbers by value, texts byte by byte.
            text += "CASE jsonb_typeof(\(member.document)) WHEN 'number' THEN (\(member.document))::numeric END\(direction), "
            text += "(\(member.text)) COLLATE \"C\"\(direction), "
        }
        text += "key COLLATE \"C\" LIMIT \(limit + 1) OFFSET \(offset)"
    }

    private func member(_ path: Str) throws(PluginError) -> JSONMember {
        guard UTF8Check.isText(path.raw) else { throw .invalid("A path of the query is not UTF-8 text.") }
        return JSONMember(function, path.array)
    }

    private mutating func filter(_ index: Int, _ depth: Int) throws(PluginError) {
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
            text += count == 0 ? (node.operation == OCTAVO_QUERY_AND ? "TRUE)" : "FALSE)") : ")"
        case OCTAVO_QUERY_IN:
            text += "("
            for value in 0..<Int(node.values.count) {
                if value > 0 { text += " OR " }
                try compare(node.path, "=", node.values.at(value, as: octavo_query_value.self).pointee)
            }
            text += node.values.count == 0 ? "FALSE)" : ")"
        default:
            guard node.values.count >= 1 else { throw .invalid("The query compares \(node.path.string) with nothing.") }
            let value = node.values.at(0, as: octavo_query_value.self).pointee
            switch node.operation {
            case OCTAVO_QUERY_EQ: try compare(node.path, "=", value)
            case OCTAVO_QUERY_NEQ:
                // What can't be compared is not equal.
                text += "coalesce(NOT "
                try compare(node.path, "=", value)
                text += ", TRUE)"
            case OCTAVO_QUERY_GT: try compare(node.path, ">", value)
            case OCTAVO_QUERY_GTE: try compare(node.path, ">=", value)
            case OCTAVO_QUERY_LT: try compare(node.path, "<", value)
            case OCTAVO_QUERY_LTE: try compare(node.path, "<=", value)
            default: throw .invalid("The query has an operation that this store does not know: \(node.operation).")
            }
        }
    }

    /// Only values of the same type are compared: jsonb itself would find every number bigger than any text.
    private mutating func compare(_ path: Str, _ operation: String, _ value: octavo_query_value) throws(PluginError) {
        let member = try member(path)
        switch value.type {
        case OCTAVO_QUERY_NULL: text += "(coalesce(\(member.document), 'null') = 'null')"
        case OCTAVO_QUERY_BOOLEAN: text += "(\(member.document) = '" + (value.boolean != 0 ? "true" : "false") + "')"
        case OCTAVO_QUERY_NUMBER:
            parameters.add(number: value.number)
            text += "(\(member.document) \(operation) to_jsonb($\(parameters.count)) AND jsonb_typeof(\(member.document)) = 'number')"
        default:
            parameters.add(text: value.text)
            text += "((\(member.text)) COLLATE \"C\" \(operation) $\(parameters.count) AND jsonb_typeof(\(member.document)) = 'string')"
        }
    }
}
