import BuildingBlocks
import COctavo
import Components
import Transport

// Dapr's answers to failures of the state API: codes, reasons, statuses. The one table for both wires.

extension APIError {
    init(_ failure: StateFailure, appID: String) {
        switch failure {
        case .notConfigured(let store):
            self.init(
                .failedPrecondition, "state store \(store) is not configured", reason: "DAPR_STATE_NOT_CONFIGURED",
                status: 500, errorCode: "ERR_STATE_STORE_NOT_CONFIGURED")
            info = ["appID": appID]
        case .notFound(let store):
            self.init(
                .invalidArgument, "state store \(store) is not found", reason: "DAPR_STATE_NOT_FOUND", status: 400,
                errorCode: "ERR_STATE_STORE_NOT_FOUND")
            info = ["appID": appID]
        case .illegalKey(let store, let key):
            let text = "input key/keyPrefix '\(key)' can't contain '||'"
            self.init(
                .invalidArgument, text, reason: "DAPR_STATE_ILLEGAL_KEY", status: 400,
                errorCode: "ERR_MALFORMED_REQUEST")
            violation = (key, text)
            resource = ("state", store)
        case .emptyKey(_, let operation):
            self.init(
                .invalidArgument, "state key cannot be empty", reason: APIError.word(operation), status: 400,
                errorCode: "ERR_MALFORMED_REQUEST")
            hasDetailsOverHTTP = false
        case .tooLarge(let store, let operation, let bytes, let limit):
            self.init(
                .resourceExhausted,
                APIError.text(
                    operation, store, "",
                    "the request takes \(bytes) bytes with the metadata of each item, more than the limit of "
                        + "\(limit); send it in parts"),
                reason: APIError.word(operation), status: 413, errorCode: APIError.word(operation))
            hasDetailsOverHTTP = false
        case .transactionsNotSupported(let store):
            self.init(
                .unimplemented, "state store \(store) doesn't support transactions",
                reason: "DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED", status: 500, errorCode: "ERR_STATE_STORE_NOT_SUPPORTED")
            resource = ("state", store)
            help = (
                "https://docs.dapr.io/reference/components-reference/supported-state-stores/",
                "Check the list of state stores and the features they support"
            )
        case .tooManyOperations(let store, let count, let limit):
            self.init(
                .invalidArgument,
                "the transaction contains \(count) operations, which is more than what the state store supports: \(limit)",
                reason: "DAPR_STATE_TOO_MANY_TRANSACTIONS", status: 400,
                errorCode: "ERR_STATE_STORE_TOO_MANY_TRANSACTIONS")
            info = ["currentOpsTransaction": String(count), "maxOpsPerTransaction": String(limit)]
            resource = ("state", store)
        case .unknownOperation(_, let name):
            self.init(
                .unimplemented, "operation type \(name) not supported", reason: "ERR_NOT_SUPPORTED_STATE_OPERATION",
                status: 400, errorCode: "ERR_NOT_SUPPORTED_STATE_OPERATION")
            hasDetailsOverHTTP = false
        case .queryNotSupported(let store):
            self.init(
                .internal, "state store does not support querying", reason: "DAPR_STATE_QUERYING_NOT_SUPPORTED",
                status: 500, errorCode: "ERR_STATE_STORE_NOT_SUPPORTED")
            resource = ("state", store)
        case .badQuery(let store, let cause):
            self.init(
                .internal, "state store \(store) query failed: \(cause)", reason: "DAPR_STATE_QUERY_FAILED",
                status: 500, errorCode: "ERR_STATE_QUERY")
            resource = ("state", store)
        case .badMetadata(let store, let operation, let cause):
            let word = APIError.word(operation)
            self.init(
                .invalidArgument, APIError.text(operation, store, "", cause), reason: word, status: 400, errorCode: word)
            hasDetailsOverHTTP = false
        case .notOffered(let store, let operation, let cause):
            let word = APIError.word(operation)
            self.init(
                .unimplemented, APIError.text(operation, store, "", cause), reason: word, status: 501, errorCode: word)
            hasDetailsOverHTTP = false
        case .component(let store, let operation, let key, let error):
            self.init(store, operation, key, error)
        }
    }

    private init(_ store: String, _ operation: StateFailure.Operation, _ key: String, _ error: CallError) {
        let word = APIError.word(operation)
        var (code, status) = APIError.fate(error)
        switch (error.reason, operation) {
        // A transaction hides which kind of mismatch it was, as Dapr's does.
        case (_, .transaction) where code == .aborted || code == .invalidArgument: (code, status) = (.internal, 500)
        case (OCTAVO_REASON_ETAG_MISMATCH, .save), (OCTAVO_REASON_ETAG_MISMATCH, .delete),
            (OCTAVO_REASON_ETAG_MISMATCH, .bulkDelete):
            (code, status) = (.aborted, 409)
        case (OCTAVO_REASON_ETAG_INVALID, .save), (OCTAVO_REASON_ETAG_INVALID, .delete),
            (OCTAVO_REASON_ETAG_INVALID, .bulkDelete):
            (code, status) = (.invalidArgument, 400)
        default: break
        }
        if operation == .query {
            self.init(
                code, APIError.text(operation, store, key, error.message), reason: "DAPR_STATE_QUERY_FAILED",
                status: status, errorCode: "ERR_STATE_QUERY")
            resource = ("state", store)
        } else {
            self.init(
                code, APIError.text(operation, store, key, error.message), reason: word, status: status, errorCode: word)
            hasDetailsOverHTTP = false
        }
        if error.retryAfterNanoseconds > 0 {
            retryAfterSeconds = Int((error.retryAfterNanoseconds + 999_999_999) / 1_000_000_000)
        }
        if error.mayHaveTakenEffect { info["mayHaveTakenEffect"] = "true" }
        if !error.reason.isEmpty { info["cause"] = error.reason }
    }

    /// What a component's own code becomes. Dapr says INTERNAL for all; where a client can do better by
    /// knowing more (try again, slow down, wait longer) it is told.
    static func fate(_ error: CallError) -> (GRPCCode, Int) {
        switch error.code {
        case OCTAVO_CODE_UNAVAILABLE: (.unavailable, 503)
        case OCTAVO_CODE_DEADLINE_EXCEEDED: (.deadlineExceeded, 504)
        case OCTAVO_CODE_RESOURCE_EXHAUSTED: (.resourceExhausted, 429)
        case OCTAVO_CODE_UNIMPLEMENTED: (.unimplemented, 501)
        case OCTAVO_CODE_INVALID_ARGUMENT: (.invalidArgument, 400)
        case OCTAVO_CODE_PERMISSION_DENIED: (.permissionDenied, 403)
        default: (.internal, 500)
        }
    }

    private static func word(_ operation: StateFailure.Operation) -> String {
        switch operation {
        case .get: "ERR_STATE_GET"
        case .bulkGet: "ERR_STATE_BULK_GET"
        case .save: "ERR_STATE_SAVE"
        case .delete: "ERR_STATE_DELETE"
        case .bulkDelete: "ERR_STATE_BULK_DELETE"
        case .transaction: "ERR_STATE_TRANSACTION"
        case .query: "ERR_STATE_QUERY"
        }
    }

    private static func text(
        _ operation: StateFailure.Operation, _ store: String, _ key: String, _ cause: String
    ) -> String {
        switch operation {
        case .get: "fail to get \(key) from state store \(store): \(cause)"
        case .bulkGet: "failed to get keys from state store \(store): \(cause)"
        case .save: "failed saving state in state store \(store): \(cause)"
        case .delete: "failed deleting state with key \(key): \(cause)"
        case .bulkDelete: "failed deleting state in state store \(store): \(cause)"
        case .transaction: "error while executing state transaction: \(cause)"
        case .query: "state store \(store) query failed: \(cause)"
        }
    }
}
