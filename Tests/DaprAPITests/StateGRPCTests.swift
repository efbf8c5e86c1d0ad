import BuildingBlocks
import DaprProtos
import JSONText
import ProtoWire
import Testing
import Transport

@testable import DaprAPI

private typealias GetState = Dapr_Proto_Runtime_V1_GetStateRequest
private typealias SaveState = Dapr_Proto_Runtime_V1_SaveStateRequest
private typealias Item = Dapr_Proto_Common_V1_StateItem

@Suite("The state API over gRPC")
struct StateGRPCTests {
    private func get(_ sidecar: Sidecar, _ key: String, store: String = "store") throws -> GRPCAnswer {
        try grpc(sidecar.port, "GetState", GetState.with { $0.storeName = store; $0.key = key })
    }

    private func save(_ sidecar: Sidecar, _ items: [Item], store: String = "store") throws -> GRPCAnswer {
        try grpc(sidecar.port, "SaveState", SaveState.with { $0.storeName = store; $0.states = items })
    }

    private func last(_ sidecar: Sidecar, store: String = "store") throws -> JSONValue {
        let reply = try get(sidecar, "last", store: store).decoded(Dapr_Proto_Runtime_V1_GetStateResponse.self)
        return try JSONValue(parsing: Array(reply.data))
    }

    @Test("saves, reads and deletes bytes as they are")
    func roundTrip() async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let item = Item.with { $0.key = "k"; $0.value = .init([0, 0xff, 1]) }
            let saved = try save(sidecar, [item])
            #expect(saved.code == 0)
            #expect(saved.message.isEmpty)
            for _ in 0..<2 {
                // The second time the store is known to the shorter way.
                let reply = try get(sidecar, "k").decoded(Dapr_Proto_Runtime_V1_GetStateResponse.self)
                #expect(Array(reply.data) == [0, 0xff, 1])
                #expect(reply.etag == "1")
            }
            let deleted = try grpc(
                sidecar.port, "DeleteState",
                Dapr_Proto_Runtime_V1_DeleteStateRequest.with { $0.storeName = "store"; $0.key = "k"; $0.etag.value = "1" })
            #expect(deleted.code == 0)
            let gone = try get(sidecar, "k")
            #expect(gone.code == 0)
            #expect(gone.message.isEmpty)
        }
    }

    @Test("lets a client write with the etag of a missing key")
    func etagOfMissingKey() async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let etag = try get(sidecar, "new").decoded(Dapr_Proto_Runtime_V1_GetStateResponse.self).etag
            let item = Item.with { $0.key = "new"; $0.value = .init([1]); $0.etag.value = etag }
            #expect(try save(sidecar, [item]).code == 0)
        }
    }

    @Test("gives metadata of the value, and reads keys that are not ASCII")
    func metadata() async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let reply = try get(sidecar, "expiring").decoded(Dapr_Proto_Runtime_V1_GetStateResponse.self)
            #expect(reply.metadata == ["ttlExpireTime": "2030-01-01T00:00:00Z"])
            #expect(try save(sidecar, [Item.with { $0.key = "schlüssel"; $0.value = .init([1]) }]).code == 0)
            #expect(try get(sidecar, "schlüssel").decoded(Dapr_Proto_Runtime_V1_GetStateResponse.self).data == .init([1]))
        }
    }

    @Test("asks the store for exactly what the request says")
    func mapping() async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let item = Item.with {
                $0.key = "k"
                $0.value = .init(Array("v".utf8))
                $0.etag.value = "5"
                $0.metadata = ["ttlInSeconds": "-1"]
                $0.options.concurrency = .concurrencyLastWrite
                $0.options.consistency = .consistencyEventual
            }
            #expect(try save(sidecar, [item]).code == GRPCCode.aborted.rawValue)
            var write = try last(sidecar)
            #expect(write["key"]?.string == "app||k")
            #expect(write["value"]?.string == "v")
            #expect(write["etag"]?.string == "5")
            #expect(write["ttl"]?.integer == -1)
            #expect(write["concurrency"]?.integer == 2)
            #expect(write["consistency"]?.integer == 1)
            let odd = Item.with {
                $0.key = "k"
                $0.options.concurrency = .UNRECOGNIZED(77)
                $0.options.consistency = .UNRECOGNIZED(-1)
            }
            #expect(try save(sidecar, [odd]).code == 0)
            write = try last(sidecar)
            #expect(write["etag"] == .null)
            #expect(write["concurrency"]?.integer == 0)
            #expect(write["consistency"]?.integer == 0)

            let request = GetState.with {
                $0.storeName = "store"
                $0.key = "request"
                $0.consistency = .consistencyStrong
                $0.metadata = ["a": "b"]
            }
            let answer = try grpc(sidecar.port, "GetState", request, metadata: [("grpc-timeout", "5S")])
            let asked = try JSONValue(parsing: Array(answer.decoded(Dapr_Proto_Runtime_V1_GetStateResponse.self).data))
            #expect(asked["consistency"]?.integer == 2)
            #expect(asked["metadata"]?["a"]?.string == "b")
            #expect(asked["hasDeadline"]?.bool == true)
        }
    }

    @Test("refuses a key with the separator as clients expect it")
    func illegalKey() async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let answer = try save(sidecar, [Item.with { $0.key = "key||"; $0.value = .init([1]) }])
            #expect(answer.code == GRPCCode.invalidArgument.rawValue)
            #expect(answer.text == "input key/keyPrefix 'key||' can't contain '||'")
            let details = try answer.details()
            #expect(try Google_Rpc_ErrorInfo(unpackingAny: try #require(details["ErrorInfo"])).reason == "DAPR_STATE_ILLEGAL_KEY")
            let violations = try Google_Rpc_BadRequest(unpackingAny: try #require(details["BadRequest"])).fieldViolations
            #expect(violations.map(\.field) == ["key||"])
            let resource = try Google_Rpc_ResourceInfo(unpackingAny: try #require(details["ResourceInfo"]))
            #expect(resource.resourceType == "state")
            #expect(resource.resourceName == "store")
        }
    }

    @Test("names errors of the store", arguments: [
        ("error:13:BROKEN", GRPCCode.internal), ("error:2:ODD", .internal), ("error:14:AWAY", .unavailable),
        ("error:4:LATE", .deadlineExceeded), ("error:8:FULL", .resourceExhausted), ("error:10:ETAG_MISMATCH", .aborted),
        ("error:3:ETAG_INVALID", .invalidArgument),
    ])
    func storeErrors(_ key: String, _ code: GRPCCode) async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let answer = try save(sidecar, [Item.with { $0.key = key; $0.value = .init([1]) }])
            #expect(answer.code == code.rawValue)
            #expect(answer.text.contains("the backend said no"))
            let info = try Google_Rpc_ErrorInfo(unpackingAny: try #require(try answer.details()["ErrorInfo"]))
            #expect(info.reason == "ERR_STATE_SAVE")
        }
    }

    @Test("reads and deletes in bulk", arguments: ["store", "full"])
    func bulk(_ store: String) async throws {
        try await Sidecar.run([("store", "state.scripted", [:]), ("full", "state.scripted-full", [:])]) { (sidecar: Sidecar) async throws in
            let items = ["a", "b"].map { key in Item.with { $0.key = key; $0.value = .init(Array(key.utf8)) } }
            #expect(try save(sidecar, items, store: store).code == 0)
            let request = Dapr_Proto_Runtime_V1_GetBulkStateRequest.with {
                $0.storeName = store
                $0.keys = ["b", "missing", "error:13:X", "a"]
                $0.parallelism = 1
            }
            let reply = try grpc(sidecar.port, "GetBulkState", request)
                .decoded(Dapr_Proto_Runtime_V1_GetBulkStateResponse.self)
            #expect(reply.items.map(\.key) == ["b", "missing", "error:13:X", "a"])
            #expect(reply.items.map { String(decoding: $0.data, as: UTF8.self) } == ["b", "", "", "a"])
            #expect(reply.items.map(\.error) == ["", "", "the backend said no", ""])
            let deletion = Dapr_Proto_Runtime_V1_DeleteBulkStateRequest.with { $0.storeName = store; $0.states = items }
            #expect(try grpc(sidecar.port, "DeleteBulkState", deletion).code == 0)
            #expect(try get(sidecar, "a", store: store).message.isEmpty)
        }
    }

    @Test("does transactions")
    func transactions() async throws {
        try await Sidecar.run([("store", "state.scripted", [:]), ("full", "state.scripted-full", [:])]) { (sidecar: Sidecar) async throws in
            func transact(_ store: String, _ operations: [(String, String)]) throws -> GRPCAnswer {
                try grpc(
                    sidecar.port, "ExecuteStateTransaction",
                    Dapr_Proto_Runtime_V1_ExecuteStateTransactionRequest.with {
                        $0.storeName = store
                        $0.operations = operations.map { operation in
                            .with { $0.operationType = operation.0; $0.request.key = operation.1 }
                        }
                    })
            }
            #expect(try transact("full", [("upsert", "a"), ("delete", "b")]).code == 0)
            #expect(try transact("full", []).code == 0)
            #expect(try transact("full", [("merge", "a")]).code == GRPCCode.unimplemented.rawValue)
            #expect(try transact("full", [("upsert", "error:10:ETAG_MISMATCH")]).code == GRPCCode.internal.rawValue)
            let unsupported = try transact("store", [("merge", "a")])
            #expect(unsupported.code == GRPCCode.unimplemented.rawValue)
            #expect(unsupported.text == "state store store doesn't support transactions")
            let tooMany = try transact("full", (0..<4).map { ("upsert", "k\($0)") })
            #expect(tooMany.code == GRPCCode.invalidArgument.rawValue)
            let info = try Google_Rpc_ErrorInfo(unpackingAny: try #require(try tooMany.details()["ErrorInfo"]))
            #expect(info.metadata["currentOpsTransaction"] == "4")
            #expect(info.metadata["maxOpsPerTransaction"] == "3")
        }
    }

    @Test("queries")
    func query() async throws {
        try await Sidecar.run([("full", "state.scripted-full", [:])]) { (sidecar: Sidecar) async throws in
            #expect(try save(sidecar, [Item.with { $0.key = "a"; $0.value = .init([0x31]) }], store: "full").code == 0)
            let request = Dapr_Proto_Runtime_V1_QueryStateRequest.with { $0.storeName = "full"; $0.query = #"{"page":{"limit":1}}"# }
            let reply = try grpc(sidecar.port, "QueryStateAlpha1", request)
                .decoded(Dapr_Proto_Runtime_V1_QueryStateResponse.self)
            #expect(reply.results.map(\.key) == ["a"])
            #expect(reply.token == "more")
        }
    }

    @Test("ends at the deadline and tells the store")
    func deadline() async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let request = GetState.with { $0.storeName = "store"; $0.key = "never" }
            let answer = try grpc(sidecar.port, "GetState", request, metadata: [("grpc-timeout", "50m")])
            #expect(answer.code == GRPCCode.deadlineExceeded.rawValue)
            let cancels = try get(sidecar, "cancels").decoded(Dapr_Proto_Runtime_V1_GetStateResponse.self).data
            #expect(String(decoding: cancels, as: UTF8.self) == "1")
        }
    }

    /// A request, and how many calls of the store are under way when it waits.
    struct Waiting: Sendable {
        var method: String
        var message: [UInt8]
        var calls: Int

        static let never = "never"
        static let table: [Waiting] = [
            Waiting(
                method: "GetState",
                message: GetState.with { $0.storeName = "store"; $0.key = never }.serializedBytes(), calls: 1),
            Waiting(
                method: "SaveState",
                message: SaveState.with { $0.storeName = "store"; $0.states = [Item.with { $0.key = never }] }
                    .serializedBytes(), calls: 1),
            Waiting(
                method: "SaveState",
                message: SaveState.with {
                    $0.storeName = "store"
                    $0.states = Array(repeating: Item.with { $0.key = never }, count: 100)
                }.serializedBytes(), calls: 32),
            Waiting(
                method: "GetBulkState",
                message: Dapr_Proto_Runtime_V1_GetBulkStateRequest.with {
                    $0.storeName = "store"
                    $0.keys = Array(repeating: never, count: 100)
                    $0.parallelism = 10
                }.serializedBytes(), calls: 10),
        ]
    }

    @Test("gives up for a caller who has gone, and starts nothing more", arguments: Waiting.table)
    func callerGone(_ waiting: Waiting) async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            struct Gone: Error {}
            func count(_ key: String) throws -> Int? {
                let reply = try get(sidecar, key).decoded(Dapr_Proto_Runtime_V1_GetStateResponse.self)
                return Int(String(decoding: reply.data, as: UTF8.self))
            }
            func reaches(_ key: String, _ number: Int) throws -> Bool {
                for _ in 0..<5000 where try count(key) == number { return true }
                return false
            }
            // The connection is closed once the store holds the calls.
            #expect(throws: Gone.self) {
                try grpc(sidecar.port, waiting.method, waiting.message) {
                    #expect(try reaches("started", waiting.calls))
                    throw Gone()
                }
            }
            #expect(try reaches("cancels", waiting.calls))
            #expect(try count("started") == waiting.calls)
        }
    }

    @Test("refuses messages that are malformed", arguments: [[0x0a], [0x0a, 0xff], [0xff, 0xff, 0xff], [0x12, 0x05, 0x61]] as [[UInt8]])
    func malformed(_ message: [UInt8]) async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            for method in ["GetState", "SaveState", "GetBulkState", "DeleteState", "ExecuteStateTransaction"] {
                #expect(try grpc(sidecar.port, method, message).code == GRPCCode.internal.rawValue)
            }
        }
    }

    @Test("names a method that is not offered")
    func unknownMethod() async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let answer = try grpc(sidecar.port, "InvokeActor", [])
            #expect(answer.code == GRPCCode.unimplemented.rawValue)
            #expect(answer.text.contains("InvokeActor"))
        }
    }
}
