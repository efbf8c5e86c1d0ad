import BuildingBlocks
import DaprProtos
import JSONText
import ProtoWire
import Testing
import Transport

@testable import DaprAPI

@Suite("The secrets API")
struct SecretsTests {
    private static let stores: [(name: String, type: String, metadata: [String: String])] = [
        ("vault", "secretstores.scripted", [:]), ("store", "state.scripted", [:]),
    ]

    private func errorCode(_ answer: HTTPAnswer) throws -> String? { try JSONValue(parsing: answer.body)["errorCode"]?.string }

    @Test("gives one secret, or all")
    func get() async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            let one = try http(sidecar.port, "GET", "/v1.0/secrets/vault/key")
            #expect(one.status == 200)
            #expect(one.text == #"{"key":"hush"}"#)
            #expect(try http(sidecar.port, "GET", "/v1.0/secrets/vault/empty").status == 204)
            #expect(try http(sidecar.port, "GET", "/v1.0/secrets/vault/bulk").text == #"{"one":{"one":"1"},"two":{"two":"2"}}"#)
            let request = Dapr_Proto_Runtime_V1_GetSecretRequest.with { $0.storeName = "vault"; $0.key = "key" }
            let reply = try grpc(sidecar.port, "GetSecret", request).decoded(Dapr_Proto_Runtime_V1_GetSecretResponse.self)
            #expect(reply.data == ["key": "hush"])
            let bulk = try grpc(
                sidecar.port, "GetBulkSecret", Dapr_Proto_Runtime_V1_GetBulkSecretRequest.with { $0.storeName = "vault" })
            #expect(
                try bulk.decoded(Dapr_Proto_Runtime_V1_GetBulkSecretResponse.self).data.mapValues(\.secrets)
                    == ["one": ["one": "1"], "two": ["two": "2"]])
        }
    }

    @Test("keeps to the scopes, after it has looked for the store")
    func scopes() async throws {
        var settings = Facts.Settings()
        settings.secretScopes = [
            SecretAccess(store: "vault", denied: ["one"]), SecretAccess(store: "nowhere", allowsByDefault: false),
        ]
        try await Sidecar.run(Self.stores, settings) { (sidecar: Sidecar) async throws in
            let denied = try http(sidecar.port, "GET", "/v1.0/secrets/vault/one")
            #expect(denied.status == 403)
            #expect(try errorCode(denied) == "ERR_PERMISSION_DENIED")
            #expect(try http(sidecar.port, "GET", "/v1.0/secrets/vault/bulk").text == #"{"two":{"two":"2"}}"#)
            #expect(try http(sidecar.port, "GET", "/v1.0/secrets/nowhere/one").status == 401)
            func get(_ store: String) throws -> Int {
                try grpc(
                    sidecar.port, "GetSecret",
                    Dapr_Proto_Runtime_V1_GetSecretRequest.with { $0.storeName = store; $0.key = "one" }).code
            }
            #expect(try get("vault") == GRPCCode.permissionDenied.rawValue)
            #expect(try get("nowhere") == GRPCCode.invalidArgument.rawValue)
        }
    }

    @Test("has Dapr's answers to what is wrong")
    func faults() async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            let unknown = try http(sidecar.port, "GET", "/v1.0/secrets/other/k")
            #expect(unknown.status == 401)
            #expect(try errorCode(unknown) == "ERR_SECRET_STORE_NOT_FOUND")
            #expect(try http(sidecar.port, "GET", "/v1.0/secrets/store/k").status == 401, "a state store is no secret store")
            let missing = try http(sidecar.port, "GET", "/v1.0/secrets/vault/error:5:NONE")
            #expect(missing.status == 500)
            #expect(try errorCode(missing) == "ERR_SECRET_GET")
        }
        try await Sidecar.run([]) { (sidecar: Sidecar) async throws in
            let none = try http(sidecar.port, "GET", "/v1.0/secrets/vault/k")
            #expect(none.status == 500)
            #expect(try errorCode(none) == "ERR_SECRET_STORES_NOT_CONFIGURED")
        }
    }
}
