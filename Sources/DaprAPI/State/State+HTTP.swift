import BuildingBlocks
import COctavo
import Components
import JSONText
import NIOCore
import Transport

extension DaprAPI {
    /// `/v1.0/state/…`. Whether a route took the request. Source: Dapr's state API reference.
    func routeState(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        let path = target.segments
        let isWrite = request.method == "POST" || request.method == "PUT"
        switch (path.count, request.method) {
        case (3, _) where isWrite: save(request, target, store: path[2])
        case (4, _) where isWrite && path[3] == "bulk": bulkGet(request, target, store: path[2])
        case (4, _) where isWrite && path[3] == "transaction": transact(request, target, store: path[2])
        case (4, "GET"): get(request, target, store: path[2], key: path[3])
        case (4, "DELETE"): delete(request, target, store: path[2], key: path[3])
        default: return false
        }
        return true
    }

    /// `/v1.0-alpha1/state/<store>/query`.
    func routeStateQuery(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        guard target.segments.count == 4, target.segments[3] == "query",
            request.method == "POST" || request.method == "PUT"
        else { return false }
        query(request, target, store: target.segments[2])
        return true
    }

    private func find(_ name: String, _ request: HTTPRequest) -> StateStore? {
        do throws(StateFailure) { return try state.store(name) } catch {
            request.fail(APIError(error, appID: appID))
            return nil
        }
    }

    /// Runs a request whose failures are thrown or told later, and which is given up when its caller goes.
    private func answer(_ request: HTTPRequest, _ body: () throws(StateFailure) -> StateTask?) {
        do throws(StateFailure) {
            let task = try body()
            if let task, !request.isEnded { request.onCancel = { _ in task.cancel() } }
        } catch {
            request.fail(APIError(error, appID: appID))
        }
    }

    private func written(_ request: HTTPRequest) -> StateAPI.Written {
        { [appID] failure in
            if let failure { request.fail(APIError(failure, appID: appID)) } else { request.respondNoContent() }
        }
    }

    private func get(_ request: HTTPRequest, _ target: RequestTarget, store name: String, key: String) {
        guard let store = find(name, request) else { return }
        let run = { [self] in
            answer(request) { () throws(StateFailure) in
                let waiter = GetStateRequest(request, store, key, appID)
                let handle = try state.get(
                    store, key: key, consistency: consistency(target), metadata: target.metadata, deadline: 0,
                    waiter: waiter)
                if let handle, !request.isEnded { request.onCancel = { _ in handle.cancel() } }
                return nil
            }
        }
        if store.ref.startsOnDemand { store.ref.whenSettled(run) } else { run() }
    }

    private func consistency(_ target: RequestTarget) -> Int32 {
        switch target.parameter("consistency") {
        case "strong": OCTAVO_CONSISTENCY_STRONG
        case "eventual": OCTAVO_CONSISTENCY_EVENTUAL
        default: OCTAVO_CONSISTENCY_UNSPECIFIED
        }
    }

    private func concurrency(_ target: RequestTarget) -> Int32 {
        switch target.parameter("concurrency") {
        case "first-write": OCTAVO_CONCURRENCY_FIRST_WRITE
        case "last-write": OCTAVO_CONCURRENCY_LAST_WRITE
        default: OCTAVO_CONCURRENCY_UNSPECIFIED
        }
    }

    private func save(_ request: HTTPRequest, _ target: RequestTarget, store name: String) {
        guard let store = find(name, request) else { return }
        let writes: [StateWrite]
        switch request.withBody({ StateBody.items($0, metadata: target.metadata) }) {
        case .success(let items): writes = items
        case .failure(let error):
            request.failMalformed(error.cause)
            return
        }
        answer(request) { () throws(StateFailure) in
            return try state.write(store, writes, .save, deadline: 0, done: written(request))
        }
    }

    private func delete(_ request: HTTPRequest, _ target: RequestTarget, store name: String, key: String) {
        guard let store = find(name, request) else { return }
        let write = StateWrite(
            key: key, etag: StateWrite.condition(request.headers["if-match" as StaticString]), metadata: target.metadata,
            concurrency: concurrency(target), consistency: consistency(target), isRemoval: true)
        answer(request) { () throws(StateFailure) in
            return try state.write(store, [write], .delete, deadline: 0, done: written(request))
        }
    }

    private func transact(_ request: HTTPRequest, _ target: RequestTarget, store name: String) {
        guard let store = find(name, request) else { return }
        answer(request) { () throws(StateFailure) in
            try state.requireTransactions(store)
            switch request.withBody({ StateBody.transaction($0, store: name, metadata: target.metadata) }) {
            case .failure(.malformed(let cause)):
                request.failMalformed(cause)
                return nil
            case .failure(.unknown(let operation)): throw .unknownOperation(store: name, name: operation)
            case .success(let body):
                return try state.transact(
                    store, body.writes, metadata: StateBody.merge(target.metadata, over: body.metadata), deadline: 0,
                    done: written(request))
            }
        }
    }

    private func bulkGet(_ request: HTTPRequest, _ target: RequestTarget, store name: String) {
        guard let store = find(name, request) else { return }
        switch request.withBody({ StateBody.keys($0) }) {
        case .failure(let error): request.failMalformed(error.cause)
        case .success(let body):
            answer(request) { () throws(StateFailure) in
                return try state.bulkGet(
                    store, keys: body.keys, parallelism: body.parallelism,
                    metadata: StateBody.merge(target.metadata, over: body.metadata), deadline: 0
                ) { [appID] result in
                    switch result {
                    case .failure(let failure): request.fail(APIError(failure, appID: appID))
                    case .success(let items): request.respond(json: StateBody.bulk(items))
                    }
                }
            }
        }
    }

    private func query(_ request: HTTPRequest, _ target: RequestTarget, store name: String) {
        guard let store = find(name, request) else { return }
        answer(request) { () throws(StateFailure) in
            return try state.query(
                store, request.withBody { Array($0) }, metadata: target.metadata, deadline: 0
            ) { [appID] result in
                switch result {
                case .failure(let failure): request.fail(APIError(failure, appID: appID))
                case .success(let page) where page.items.isEmpty: request.respondNoContent()
                case .success(let page): request.respond(json: StateBody.page(page))
                }
            }
        }
    }
}

/// One `GET /v1.0/state/…` under way.
private final class GetStateRequest: CallWaiter {
    private let request: HTTPRequest
    private let store: StateStore
    private let key: String
    private let appID: String

    init(_ request: HTTPRequest, _ store: StateStore, _ key: String, _ appID: String) {
        self.request = request
        self.store = store
        self.key = key
        self.appID = appID
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        guard let found = reply?.assumingMemoryBound(to: octavo_state_get_reply.self).pointee,
            found.flags & UInt32(OCTAVO_STATE_FOUND) != 0, found.value.isPresent
        else {
            request.respondNoContent()
            return
        }
        // Whatever the value's own type: clients of Dapr go by this one.
        var headers = [("content-type", "application/json")]
        if found.etag.isPresent { headers.append(("etag", String(found.etag))) }
        for pair in found.metadata.elements(as: octavo_pair.self) {
            headers.append(("metadata." + String(pair.name).lowercased(), String(pair.value)))
        }
        request.respond(status: 200, headers: headers, body: ByteBuffer(bytes: found.value.bytes))
    }

    override func failed(_ error: CallError) {
        request.fail(
            APIError(.component(store: store.name, operation: .get, key: key, error: error), appID: appID))
    }
}
