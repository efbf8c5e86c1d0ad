import BuildingBlocks
import COctavo
import Components
import DaprProtos
import JSONText
import ProtoWire
import Testing
import Transport

@testable import DaprAPI

/// One row of Dapr's table of errors.
struct ErrorRow: Sendable, CustomTestStringConvertible {
    var failure: StateFailure
    var code: GRPCCode
    var reason: String
    var status: Int
    var errorCode: String
    var details: [String] = ["ErrorInfo"]
    var detailsOverHTTP = true
    var message: String?

    var testDescription: String { "\(failure)" }

    static func component(
        _ operation: StateFailure.Operation, _ code: Int32, _ reason: String = "", gives: GRPCCode, _ status: Int,
        _ errorCode: String, reasonGiven: String? = nil
    ) -> ErrorRow {
        ErrorRow(
            failure: .component(
                store: "s", operation: operation, key: "k", error: CallError(code: code, reason: reason, message: "no")),
            code: gives, reason: reasonGiven ?? errorCode, status: status, errorCode: errorCode,
            details: operation == .query ? ["ErrorInfo", "ResourceInfo"] : ["ErrorInfo"],
            detailsOverHTTP: operation == .query)
    }

    static let table: [ErrorRow] = [
        ErrorRow(
            failure: .notConfigured(store: "s"), code: .failedPrecondition, reason: "DAPR_STATE_NOT_CONFIGURED",
            status: 500, errorCode: "ERR_STATE_STORE_NOT_CONFIGURED", message: "state store s is not configured"),
        ErrorRow(
            failure: .notFound(store: "s"), code: .invalidArgument, reason: "DAPR_STATE_NOT_FOUND", status: 400,
            errorCode: "ERR_STATE_STORE_NOT_FOUND", message: "state store s is not found"),
        ErrorRow(
            failure: .illegalKey(store: "s", key: "key||"), code: .invalidArgument, reason: "DAPR_STATE_ILLEGAL_KEY",
            status: 400, errorCode: "ERR_MALFORMED_REQUEST", details: ["BadRequest", "ErrorInfo", "ResourceInfo"],
            message: "input key/keyPrefix 'key||' can't contain '||'"),
        ErrorRow(
            failure: .transactionsNotSupported(store: "s"), code: .unimplemented,
            reason: "DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED", status: 500, errorCode: "ERR_STATE_STORE_NOT_SUPPORTED",
            details: ["ErrorInfo", "Help", "ResourceInfo"], message: "state store s doesn't support transactions"),
        ErrorRow(
            failure: .tooManyOperations(store: "s", count: 4, limit: 3), code: .invalidArgument,
            reason: "DAPR_STATE_TOO_MANY_TRANSACTIONS", status: 400, errorCode: "ERR_STATE_STORE_TOO_MANY_TRANSACTIONS",
            details: ["ErrorInfo", "ResourceInfo"],
            message: "the transaction contains 4 operations, which is more than what the state store supports: 3"),
        ErrorRow(
            failure: .queryNotSupported(store: "s"), code: .internal, reason: "DAPR_STATE_QUERYING_NOT_SUPPORTED",
            status: 500, errorCode: "ERR_STATE_STORE_NOT_SUPPORTED", details: ["ErrorInfo", "ResourceInfo"],
            message: "state store does not support querying"),
        ErrorRow(
            failure: .badQuery(store: "s", cause: "x"), code: .internal, reason: "DAPR_STATE_QUERY_FAILED", status: 500,
            errorCode: "ERR_STATE_QUERY", details: ["ErrorInfo", "ResourceInfo"],
            message: "state store s query failed: x"),
        ErrorRow(
            failure: .emptyKey(store: "s", operation: .save), code: .invalidArgument, reason: "ERR_STATE_SAVE",
            status: 400, errorCode: "ERR_MALFORMED_REQUEST", detailsOverHTTP: false),
        ErrorRow(
            failure: .emptyKey(store: "s", operation: .delete), code: .invalidArgument, reason: "ERR_STATE_DELETE",
            status: 400, errorCode: "ERR_MALFORMED_REQUEST", detailsOverHTTP: false),
        ErrorRow(
            failure: .unknownOperation(store: "s", name: "merge"), code: .unimplemented,
            reason: "ERR_NOT_SUPPORTED_STATE_OPERATION", status: 400, errorCode: "ERR_NOT_SUPPORTED_STATE_OPERATION",
            detailsOverHTTP: false, message: "operation type merge not supported"),
        ErrorRow(
            failure: .badMetadata(store: "s", operation: .save, cause: "x"), code: .invalidArgument,
            reason: "ERR_STATE_SAVE", status: 400, errorCode: "ERR_STATE_SAVE", detailsOverHTTP: false),
        ErrorRow(
            failure: .tooLarge(store: "s", operation: .save, bytes: 2, limit: 1), code: .resourceExhausted,
            reason: "ERR_STATE_SAVE", status: 413, errorCode: "ERR_STATE_SAVE", detailsOverHTTP: false),
        ErrorRow(
            failure: .notOffered(store: "s", operation: .save, cause: "x"), code: .unimplemented,
            reason: "ERR_STATE_SAVE", status: 501, errorCode: "ERR_STATE_SAVE", detailsOverHTTP: false,
            message: "failed saving state in state store s: x"),
        component(.save, OCTAVO_CODE_ABORTED, "ETAG_MISMATCH", gives: .aborted, 409, "ERR_STATE_SAVE"),
        component(.save, OCTAVO_CODE_INVALID_ARGUMENT, "ETAG_INVALID", gives: .invalidArgument, 400, "ERR_STATE_SAVE"),
        component(.save, OCTAVO_CODE_UNKNOWN, gives: .internal, 500, "ERR_STATE_SAVE"),
        component(.save, OCTAVO_CODE_DATA_LOSS, gives: .internal, 500, "ERR_STATE_SAVE"),
        component(.delete, OCTAVO_CODE_ABORTED, "ETAG_MISMATCH", gives: .aborted, 409, "ERR_STATE_DELETE"),
        component(.delete, OCTAVO_CODE_INVALID_ARGUMENT, "ETAG_INVALID", gives: .invalidArgument, 400, "ERR_STATE_DELETE"),
        component(.delete, OCTAVO_CODE_INTERNAL, gives: .internal, 500, "ERR_STATE_DELETE"),
        component(.bulkDelete, OCTAVO_CODE_ABORTED, "ETAG_MISMATCH", gives: .aborted, 409, "ERR_STATE_BULK_DELETE"),
        component(
            .bulkDelete, OCTAVO_CODE_INVALID_ARGUMENT, "ETAG_INVALID", gives: .invalidArgument, 400,
            "ERR_STATE_BULK_DELETE"),
        component(.bulkDelete, OCTAVO_CODE_INTERNAL, gives: .internal, 500, "ERR_STATE_BULK_DELETE"),
        component(.get, OCTAVO_CODE_INTERNAL, gives: .internal, 500, "ERR_STATE_GET"),
        component(.bulkGet, OCTAVO_CODE_INTERNAL, gives: .internal, 500, "ERR_STATE_BULK_GET"),
        component(.get, OCTAVO_CODE_UNAVAILABLE, gives: .unavailable, 503, "ERR_STATE_GET"),
        component(.get, OCTAVO_CODE_DEADLINE_EXCEEDED, gives: .deadlineExceeded, 504, "ERR_STATE_GET"),
        component(.get, OCTAVO_CODE_RESOURCE_EXHAUSTED, gives: .resourceExhausted, 429, "ERR_STATE_GET"),
        component(.transaction, OCTAVO_CODE_ABORTED, "ETAG_MISMATCH", gives: .internal, 500, "ERR_STATE_TRANSACTION"),
        component(
            .transaction, OCTAVO_CODE_INVALID_ARGUMENT, "ETAG_INVALID", gives: .internal, 500, "ERR_STATE_TRANSACTION"),
        component(.transaction, OCTAVO_CODE_INTERNAL, gives: .internal, 500, "ERR_STATE_TRANSACTION"),
        component(
            .query, OCTAVO_CODE_INTERNAL, gives: .internal, 500, "ERR_STATE_QUERY", reasonGiven: "DAPR_STATE_QUERY_FAILED"),
    ]
}

@Suite("An error of the state API")
struct StateErrorTests {
    @Test("has Dapr's code, reason and details over gRPC", arguments: ErrorRow.table)
    func overGRPC(_ row: ErrorRow) throws {
        let status = APIError(row.failure, appID: "app").grpcStatus
        #expect(status.code == row.code)
        if let message = row.message { #expect(status.message == message) }
        let decoded = try Google_Rpc_Status(serializedBytes: status.details)
        #expect(Int(decoded.code) == row.code.rawValue)
        #expect(decoded.message == status.message)
        let kinds = decoded.details.compactMap { $0.typeURL.split(separator: ".").last.map(String.init) }
        #expect(kinds.sorted() == row.details)
        let info = try #require(try decoded.details.first { $0.isA(Google_Rpc_ErrorInfo.self) }.map { try Google_Rpc_ErrorInfo(unpackingAny: $0) })
        #expect(info.reason == row.reason)
        #expect(info.domain == "dapr.io")
    }

    @Test("has Dapr's status, error code and details over HTTP", arguments: ErrorRow.table)
    func overHTTP(_ row: ErrorRow) throws {
        let error = APIError(row.failure, appID: "app")
        #expect(error.status == row.status)
        let body = try JSONValue(parsing: error.json)
        #expect(body["errorCode"]?.string == row.errorCode)
        if let message = row.message { #expect(body["message"]?.string == message) }
        guard row.detailsOverHTTP else {
            #expect(body.members?.count == 2)
            return
        }
        let details = try #require(body["details"]?.array)
        #expect(
            details.compactMap { $0["@type"]?.string }.sorted()
                == row.details.map { "type.googleapis.com/google.rpc." + $0 })
        let info = try #require(details.first { $0["@type"]?.string?.hasSuffix("ErrorInfo") == true })
        #expect(info["reason"]?.string == row.reason)
        #expect(info["domain"]?.string == "dapr.io")
    }

    @Test("names the key and the store of an illegal key in snake case")
    func illegalKey() throws {
        let body = try JSONValue(parsing: APIError(.illegalKey(store: "s", key: "a||"), appID: "app").json)
        let details = try #require(body["details"]?.array)
        let violation = try #require(details[0]["field_violations"]?.array?.first)
        #expect(violation["field"]?.string == "a||")
        #expect(violation["description"]?.string == "input key/keyPrefix 'a||' can't contain '||'")
        #expect(details[1]["resource_type"]?.string == "state")
        #expect(details[1]["resource_name"]?.string == "s")
        #expect(details[2]["reason"]?.string == "DAPR_STATE_ILLEGAL_KEY")
    }

    @Test("tells how long to wait when the component says so")
    func retryAfter() {
        var cause = CallError(code: OCTAVO_CODE_RESOURCE_EXHAUSTED, message: "slow down")
        cause.retryAfterNanoseconds = 1_500_000_000
        let error = APIError(.component(store: "s", operation: .get, key: "k", error: cause), appID: "app")
        #expect(error.retryAfterSeconds == 2)
    }
}
