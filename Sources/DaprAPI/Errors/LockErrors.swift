import BuildingBlocks
import Components
import Transport

// Dapr's answers to failures of the lock API.

extension APIError {
    init(_ failure: LockFailure) {
        switch failure {
        case .notConfigured:
            self.init(
                .failedPrecondition, "lock store is not configured", status: 500, errorCode: "ERR_LOCK_STORE_NOT_CONFIGURED")
        case .notFound(let store):
            self.init(.invalidArgument, "lock store \(store) not found", status: 400, errorCode: "ERR_LOCK_STORE_NOT_FOUND")
        case .emptyResource(let store): self.init(malformedLock: "ResourceId is empty in lock store \(store)")
        case .emptyOwner(let store): self.init(malformedLock: "LockOwner is empty in lock store \(store)")
        case .expiryNotPositive(let store): self.init(malformedLock: "ExpiryInSeconds is not positive in lock store \(store)")
        case .illegalResource(_, let resource):
            self.init(malformedLock: "input key/keyPrefix '\(resource)' can't contain '||'")
        case .component(_, let operation, let error):
            let (code, status) = APIError.fate(error)
            let (text, word) =
                switch operation {
                case .lock: ("failed to try acquiring lock", "ERR_TRY_LOCK")
                case .extend: ("failed to extend lock", "ERR_TRY_LOCK")
                case .unlock: ("failed to release lock", "ERR_UNLOCK")
                }
            self.init(code, "\(text): \(error.message)", status: status, errorCode: word)
            add(error, word)
        }
    }

    private init(malformedLock text: String) {
        self.init(.invalidArgument, text, status: 400, errorCode: "ERR_MALFORMED_REQUEST")
    }

    /// What a client can go by: when to try again, and whether the request may have been done all the same.
    mutating func add(_ error: CallError, _ word: String) {
        if error.retryAfterNanoseconds > 0 {
            retryAfterSeconds = Int((error.retryAfterNanoseconds + 999_999_999) / 1_000_000_000)
        }
        guard error.mayHaveTakenEffect else { return }
        reason = word
        info["mayHaveTakenEffect"] = "true"
        hasDetailsOverHTTP = false
    }
}
