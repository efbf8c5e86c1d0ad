package import JSONText

/// A query as Dapr's alpha API writes it, checked and flattened: node 0 is the root of the filter, the
/// children of a node follow each other.
package struct StateQuery: Equatable, Sendable {
    package enum Operation: Int32, Sendable { case and, or, eq, neq, gt, gte, lt, lte, `in` }

    package struct Node: Equatable, Sendable {
        package var operation: Operation
        package var path = ""
        package var values: [JSONValue] = []
        package var firstChild = 0
        package var childCount = 0
    }

    package var nodes: [Node] = []
    package var sort: [Sort] = []
    package var limit = 0
    package var token: String?

    package struct Sort: Equatable, Sendable {
        package var path: String
        package var isDescending: Bool
    }

    package struct Malformed: Error, Equatable {
        package let cause: String
    }

    private static let nodeLimit = 1000
    private static let names: [String: Operation] = [
        "AND": .and, "OR": .or, "EQ": .eq, "NEQ": .neq, "GT": .gt, "GTE": .gte, "LT": .lt, "LTE": .lte, "IN": .in,
    ]

    package init(parsing text: [UInt8]) throws(Malformed) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text)
        } catch {
            throw Malformed(cause: "the query is not JSON: \(error)")
        }
        guard let members = value.members else { throw Malformed(cause: "the query must be a JSON object") }
        for member in members where !["filter", "sort", "page"].contains(member.name) {
            throw Malformed(cause: "the query has no member \(member.name); it may have filter, sort and page")
        }
        if let filter = value["filter"], filter != .object([]), filter != .null { try flatten(filter) }
        if let sort = value["sort"] { try read(sort: sort) }
        if let page = value["page"] { try read(page: page) }
    }

    /// Breadth first, so that children lie side by side.
    private mutating func flatten(_ root: JSONValue) throws(Malformed) {
        var pending = [(root, 0)]
        nodes = [Node(operation: .and)]
        while !pending.isEmpty {
            let (value, index) = pending.removeFirst()
            guard let members = value.members, members.count == 1, let member = members.first else {
                throw Malformed(cause: "each filter must be an object of one operator")
            }
            guard let operation = StateQuery.names[member.name] else {
                throw Malformed(cause: "there is no operator \(member.name); use EQ, NEQ, GT, GTE, LT, LTE, IN, AND or OR")
            }
            nodes[index].operation = operation
            if operation == .and || operation == .or {
                guard let children = member.value.array, !children.isEmpty else {
                    throw Malformed(cause: "\(member.name) must hold an array of filters")
                }
                guard nodes.count + children.count <= StateQuery.nodeLimit else {
                    throw Malformed(cause: "the filter has more than \(StateQuery.nodeLimit) parts")
                }
                nodes[index].firstChild = nodes.count
                nodes[index].childCount = children.count
                for child in children {
                    pending.append((child, nodes.count))
                    nodes.append(Node(operation: .and))
                }
            } else {
                try read(comparison: member, into: index)
            }
        }
    }

    private mutating func read(comparison: (name: String, value: JSONValue), into index: Int) throws(Malformed) {
        guard let pairs = comparison.value.members, pairs.count == 1, let pair = pairs.first, !pair.name.isEmpty else {
            throw Malformed(cause: "\(comparison.name) must be an object of one path and its value")
        }
        nodes[index].path = pair.name
        if nodes[index].operation == .in {
            guard let values = pair.value.array, !values.isEmpty else {
                throw Malformed(cause: "IN of \(pair.name) must be an array of values")
            }
            nodes[index].values = values
        } else {
            nodes[index].values = [pair.value]
        }
        for value in nodes[index].values where value.array != nil || value.members != nil {
            throw Malformed(cause: "\(comparison.name) of \(pair.name) must compare with a text, a number, true, false or null")
        }
    }

    private mutating func read(sort: JSONValue) throws(Malformed) {
        guard let items = sort.array else { throw Malformed(cause: "sort must be an array") }
        for item in items {
            guard let path = item["key"]?.string, !path.isEmpty else {
                throw Malformed(cause: "each part of sort needs a key")
            }
            switch item["order"]?.string?.uppercased() {
            case nil, "ASC": self.sort.append(Sort(path: path, isDescending: false))
            case "DESC": self.sort.append(Sort(path: path, isDescending: true))
            case let other?: throw Malformed(cause: "the order of \(path) must be ASC or DESC, not \(other)")
            }
        }
    }

    private mutating func read(page: JSONValue) throws(Malformed) {
        guard page.members != nil else { throw Malformed(cause: "page must be an object") }
        if let limit = page["limit"] {
            guard let number = limit.integer, number >= 0, number <= 1_000_000 else {
                throw Malformed(cause: "page.limit must be a whole number from 0 to 1000000")
            }
            self.limit = number
        }
        if let token = page["token"] {
            guard let text = token.string else { throw Malformed(cause: "page.token must be a text") }
            if !text.isEmpty { self.token = text }
        }
    }
}
