import COctavo
import Components
import JSONText

/// A page of a query's results.
package struct StatePage: Sendable {
    package var items: [StateItem] = []
    package var token = ""
    package var metadata: [(String, String)] = []
}

extension StateAPI {
    /// Runs a query over the store's own keys. `done` is called once; not when this throws.
    @discardableResult
    package func query(
        _ store: StateStore, _ text: [UInt8], metadata: [(String, String)], deadline: Int64,
        done: @escaping (Result<StatePage, StateFailure>) -> Void
    ) throws(StateFailure) -> StateTask {
        let query: StateQuery
        do throws(StateQuery.Malformed) {
            query = try StateQuery(parsing: text)
        } catch {
            throw .badQuery(store: store.name, cause: error.cause)
        }
        let task = StateTask()
        store.whenReady { [self] in
            if task.isCancelled { return }
            if store.ref.isReady, !store.ref.supports(OCTAVO_STATE_OP_QUERY) {
                done(.failure(.queryNotSupported(store: store.name)))
            } else if store.encryption != nil {
                done(.failure(.badQuery(
                    store: store.name, cause: "its values are encrypted, so that nothing can be looked for in them")))
            } else {
                task.add(submit(store, query, metadata, deadline, QueryWaiter(store, done)))
            }
        }
        return task
    }

    private func submit(
        _ store: StateStore, _ query: StateQuery, _ metadata: [(String, String)], _ deadline: Int64,
        _ waiter: CallWaiter
    ) -> CallHandle? {
        var bytes = 256 + store.prefix.count + (query.token?.utf8.count ?? 0)
        for node in query.nodes {
            bytes += 64 + node.path.utf8.count
            for value in node.values { bytes += 48 + (text(of: value)?.utf8.count ?? 0) }
        }
        for sort in query.sort { bytes += 40 + sort.path.utf8.count }
        bytes += metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
        guard
            var slot = store.ref.open(
                OCTAVO_STATE_OP_QUERY, octavo_state_query_request.self, bytes: bytes, deadline: deadline,
                waiter: waiter)
        else { return nil }
        let request = slot.request
        request.pointee.key_prefix = store.prefix.withUnsafeBytes { slot.text($0) }
        request.pointee.limit = UInt32(query.limit)
        if let token = query.token { request.pointee.token = slot.text(token) }
        let (nodes, list) = slot.list(of: octavo_query_node.self, count: query.nodes.count)
        request.pointee.nodes = list
        for (index, node) in query.nodes.enumerated() {
            nodes[index].operation = node.operation.rawValue
            nodes[index].first_child = UInt32(node.firstChild)
            nodes[index].child_count = UInt32(node.childCount)
            guard !node.values.isEmpty else { continue }
            nodes[index].path = slot.text(node.path)
            let (values, list) = slot.list(of: octavo_query_value.self, count: node.values.count)
            nodes[index].values = list
            for (position, value) in node.values.enumerated() { fill(&values[position], value, &slot) }
        }
        let (sort, sorts) = slot.list(of: octavo_query_sort.self, count: query.sort.count)
        request.pointee.sort = sorts
        for (index, part) in query.sort.enumerated() {
            sort[index].path = slot.text(part.path)
            sort[index].descending = part.isDescending ? 1 : 0
        }
        if !metadata.isEmpty { request.pointee.head.metadata = slot.pairs(metadata) }
        return slot.submit()
    }

    private func text(of value: JSONValue) -> String? {
        switch value {
        case .string(let text), .number(let text): text
        default: nil
        }
    }

    private func fill<Request>(
        _ out: inout octavo_query_value, _ value: JSONValue, _ slot: inout RequestSlot<Request>
    ) {
        switch value {
        case .bool(let flag):
            out.type = OCTAVO_QUERY_BOOLEAN
            out.boolean = flag ? 1 : 0
        case .number(let text):
            out.type = OCTAVO_QUERY_NUMBER
            out.number = Double(text) ?? 0
            out.text = slot.text(text)
        case .string(let text):
            out.type = OCTAVO_QUERY_TEXT
            out.text = slot.text(text)
        default: out.type = OCTAVO_QUERY_NULL
        }
    }
}

private final class QueryWaiter: CallWaiter {
    private let store: StateStore
    private let done: (Result<StatePage, StateFailure>) -> Void

    init(_ store: StateStore, _ done: @escaping (Result<StatePage, StateFailure>) -> Void) {
        self.store = store
        self.done = done
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        var page = StatePage()
        if let reply {
            let reply = reply.loadUnaligned(as: octavo_state_query_reply.self)
            page.items = reply.items.elements(as: octavo_state_item.self).map {
                StateItem($0, key: store.shown($0.key))
            }
            page.token = String(reply.token)
            page.metadata = reply.metadata.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) }
        }
        done(.success(page))
    }

    override func failed(_ error: CallError) {
        done(.failure(.component(store: store.name, operation: .query, key: "", error: error)))
    }
}
