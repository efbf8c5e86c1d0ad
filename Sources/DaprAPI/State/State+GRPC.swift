import BuildingBlocks
import COctavo
import Components
import DaprProtos
import Transport

extension DaprAPI {
    /// The state methods of `dapr.proto.runtime.v1.Dapr`.
    func registerState(_ router: GRPCRouter) {
        method(router, "GetState", "state", "v1") { api, call, bytes in api.getState(call, bytes) }
        method(router, "GetBulkState", "state", "v1") { api, call, bytes in api.getBulkState(call, bytes) }
        method(router, "SaveState", "state", "v1") { api, call, bytes in api.saveState(call, bytes) }
        method(router, "DeleteState", "state", "v1") { api, call, bytes in api.deleteState(call, bytes) }
        method(router, "DeleteBulkState", "state", "v1") { api, call, bytes in api.deleteBulkState(call, bytes) }
        method(router, "ExecuteStateTransaction", "state", "v1") { api, call, bytes in api.transact(call, bytes) }
        method(router, "QueryStateAlpha1", "state", "v1alpha1") { api, call, bytes in api.queryState(call, bytes) }
    }

    private func getState(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        if let request = GetStateDecoding(bytes), let store = lastStore, store.matches(request.store) {
            startGet(call, store.store, nil, request.key, request.consistency, [])
            return
        }
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_GetStateRequest.self) else { return }
        guard let store = find(request.storeName, call) else { return }
        var key = request.key
        let name = key
        key.withUTF8 {
            startGet(
                call, store, name, UnsafeRawBufferPointer($0), request.consistency.known,
                request.metadata.map { ($0.key, $0.value) })
        }
    }

    private func startGet(
        _ call: GRPCCall, _ store: StateStore, _ name: String?, _ key: UnsafeRawBufferPointer, _ consistency: Int32,
        _ metadata: [(String, String)]
    ) {
        guard store.ref.startsOnDemand else {
            GetStateCall(call, store, name, self).begin(key, consistency: consistency, metadata: metadata)
            return
        }
        let kept = Array(key)
        store.ref.whenSettled { [self] in
            kept.withUnsafeBytes {
                GetStateCall(call, store, name, self).begin($0, consistency: consistency, metadata: metadata)
            }
        }
    }

    private func find(_ name: String, _ call: GRPCCall) -> StateStore? {
        do throws(StateFailure) {
            let store = try state.store(name)
            lastStore = LastStore(store)
            return store
        } catch {
            call.fail(APIError(error, appID: appID))
            return nil
        }
    }

    /// Runs a request whose failures are thrown or told later, and which is given up when its caller goes.
    private func answer(_ call: GRPCCall, _ body: () throws(StateFailure) -> StateTask) {
        do throws(StateFailure) {
            let task = try body()
            if !call.isEnded { call.onCancel = { _ in task.cancel() } }
        } catch {
            call.fail(APIError(error, appID: appID))
        }
    }

    private func ended(_ call: GRPCCall) -> StateAPI.Written {
        { [appID] failure in
            if let failure { call.fail(APIError(failure, appID: appID)) } else { call.replyEmpty() }
        }
    }

    private func getBulkState(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_GetBulkStateRequest.self),
            let store = find(request.storeName, call)
        else { return }
        answer(call) { () throws(StateFailure) in
            return try state.bulkGet(
                store, keys: request.keys, parallelism: Int(request.parallelism),
                metadata: request.metadata.map { ($0.key, $0.value) }, deadline: call.deadlineNanoseconds
            ) { [appID] result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure, appID: appID))
                case .success(let items):
                    call.reply(
                        Dapr_Proto_Runtime_V1_GetBulkStateResponse.with {
                            $0.items = items.map { item in
                                Dapr_Proto_Runtime_V1_BulkStateItem.with {
                                    $0.key = item.key
                                    $0.data.append(contentsOf: item.value)
                                    $0.etag = item.etag
                                    $0.error = item.error
                                    for (name, value) in item.metadata { $0.metadata[name] = value }
                                }
                            }
                        })
                }
            }
        }
    }

    private func saveState(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_SaveStateRequest.self),
            let store = find(request.storeName, call)
        else { return }
        answer(call) { () throws(StateFailure) in
            return try state.write(
                store, request.states.map { StateWrite($0) }, .save, deadline: call.deadlineNanoseconds,
                done: ended(call))
        }
    }

    private func deleteState(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_DeleteStateRequest.self),
            let store = find(request.storeName, call)
        else { return }
        let write = StateWrite(
            key: request.key, etag: StateWrite.condition(request.hasEtag ? request.etag.value : nil),
            metadata: request.metadata.map { ($0.key, $0.value) }, concurrency: request.options.concurrency.known,
            consistency: request.options.consistency.known, isRemoval: true)
        answer(call) { () throws(StateFailure) in
            return try state.write(store, [write], .delete, deadline: call.deadlineNanoseconds, done: ended(call))
        }
    }

    private func deleteBulkState(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_DeleteBulkStateRequest.self),
            let store = find(request.storeName, call)
        else { return }
        answer(call) { () throws(StateFailure) in
            return try state.write(
                store, request.states.map { StateWrite($0, isRemoval: true) }, .bulkDelete,
                deadline: call.deadlineNanoseconds, done: ended(call))
        }
    }

    private func transact(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_ExecuteStateTransactionRequest.self),
            let store = find(request.storeName, call)
        else { return }
        answer(call) { () throws(StateFailure) in
            try state.requireTransactions(store)
            var writes: [StateWrite] = []
            for operation in request.operations {
                switch operation.operationType {
                case "upsert": writes.append(StateWrite(operation.request))
                case "delete": writes.append(StateWrite(operation.request, isRemoval: true))
                case let other: throw .unknownOperation(store: store.name, name: other)
                }
            }
            return try state.transact(
                store, writes, metadata: request.metadata.map { ($0.key, $0.value) },
                deadline: call.deadlineNanoseconds, done: ended(call))
        }
    }

    private func queryState(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_QueryStateRequest.self),
            let store = find(request.storeName, call)
        else { return }
        let text = Array(request.query.utf8)
        answer(call) { () throws(StateFailure) in
            return try state.query(
                store, text, metadata: request.metadata.map { ($0.key, $0.value) }, deadline: call.deadlineNanoseconds
            ) { [appID] result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure, appID: appID))
                case .success(let page):
                    call.reply(
                        Dapr_Proto_Runtime_V1_QueryStateResponse.with {
                            $0.results = page.items.map { item in
                                Dapr_Proto_Runtime_V1_QueryStateItem.with {
                                    $0.key = item.key
                                    $0.data.append(contentsOf: item.value)
                                    $0.etag = item.etag
                                    $0.error = item.error
                                }
                            }
                            $0.token = page.token
                            for (name, value) in page.metadata { $0.metadata[name] = value }
                        })
                }
            }
        }
    }
}

extension StateWrite {
    init(_ item: Dapr_Proto_Common_V1_StateItem, isRemoval: Bool = false) {
        self.init(
            key: item.key, value: Array(item.value), etag: StateWrite.condition(item.hasEtag ? item.etag.value : nil),
            metadata: item.metadata.map { ($0.key, $0.value) }, concurrency: item.options.concurrency.known,
            consistency: item.options.consistency.known, isRemoval: isRemoval)
    }
}

extension Dapr_Proto_Common_V1_StateOptions.StateConsistency {
    /// As the ABI counts, which is the same; what a newer client may say is not known.
    var known: Int32 { (0...2).contains(rawValue) ? Int32(rawValue) : OCTAVO_CONSISTENCY_UNSPECIFIED }
}

extension Dapr_Proto_Common_V1_StateOptions.StateConcurrency {
    var known: Int32 { (0...2).contains(rawValue) ? Int32(rawValue) : OCTAVO_CONCURRENCY_UNSPECIFIED }
}
