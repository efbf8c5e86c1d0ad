import BuildingBlocks
import DaprProtos
import Transport

/// Ours, besides Dapr's API: a header of a request for a lock, and one of its answer.
enum LockHeader {
    /// `extend`: the request is not for a new lock, but for more time of the one that its owner has.
    static let mode: StaticString = "octavo-lock"
    static let extend = "extend"
    /// A number that grows with every owner of the resource, from stores that know one.
    static let fencing = "octavo-fencing-token"
}

extension DaprAPI {
    func registerLocks(_ router: GRPCRouter) {
        method(router, "TryLockAlpha1", "lock", "v1alpha1") { api, call, bytes in api.tryLock(call, bytes) }
        method(router, "UnlockAlpha1", "unlock", "v1alpha1") { api, call, bytes in api.unlock(call, bytes) }
    }

    private func tryLock(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_TryLockRequest.self) else { return }
        let lock = LockRequest(
            store: request.storeName, resource: request.resourceID, owner: request.lockOwner,
            expirySeconds: request.expiryInSeconds, mode: call.metadata(LockHeader.mode))
        begin(lock, deadline: call.deadlineNanoseconds) { result in
            switch result {
            case .failure(let error): call.fail(error)
            case .success(let answer):
                if answer.fencing > 0 { call.addInitialMetadata(LockHeader.fencing, String(answer.fencing)) }
                call.reply(Dapr_Proto_Runtime_V1_TryLockResponse.with { $0.success = answer.outcome == .done })
            }
        }
    }

    private func unlock(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_UnlockRequest.self) else { return }
        do throws(LockFailure) {
            try locks.unlock(
                store: request.storeName, resource: request.resourceID, owner: request.lockOwner,
                deadline: call.deadlineNanoseconds
            ) { result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure))
                case .success(let answer):
                    call.reply(
                        Dapr_Proto_Runtime_V1_UnlockResponse.with {
                            $0.status =
                                switch answer.outcome {
                                case .done: .success
                                case .notFound: .lockDoesNotExist
                                case .otherOwner, .held: .lockBelongsToOthers
                                }
                        })
                }
            }
        } catch {
            call.fail(APIError(error))
        }
    }

    /// What both wires ask for.
    struct LockRequest {
        var store: String
        var resource: String
        var owner: String
        var expirySeconds: Int32
        /// The value of the header `octavo-lock`.
        var mode: String?
    }

    /// A new lock, or more time for one.
    func begin(_ request: LockRequest, deadline: Int64, done: @escaping (Result<LockAnswer, APIError>) -> Void) {
        do throws(LockFailure) {
            let told: LockAPI.Done = { result in done(result.mapError { APIError($0) }) }
            switch request.mode {
            case nil, "":
                try locks.tryLock(
                    store: request.store, resource: request.resource, owner: request.owner,
                    expirySeconds: request.expirySeconds, deadline: deadline, done: told)
            case LockHeader.extend:
                try locks.extend(
                    store: request.store, resource: request.resource, owner: request.owner,
                    expirySeconds: request.expirySeconds, deadline: deadline, done: told)
            case let other?:
                done(
                    .failure(
                        APIError(
                            .invalidArgument,
                            "the header octavo-lock is \"\(other)\"; it may be extend, or be left out for a new lock",
                            status: 400, errorCode: "ERR_MALFORMED_REQUEST")))
            }
        } catch {
            done(.failure(APIError(error)))
        }
    }
}
