import DaprProtos
import JSONText
import Testing
import Transport

@testable import DaprAPI

@Suite("The crypto API, before there is a component")
struct CryptoTests {
    private static let headers = [("dapr-key-name", "k"), ("dapr-key-wrap-algorithm", "AES")]

    private func errorCode(_ answer: HTTPAnswer) throws -> String? { try JSONValue(parsing: answer.body)["errorCode"]?.string }

    @Test("says that no provider is configured, or which one is not there", arguments: [
        ("PUT", "crypto/keys/encrypt"), ("PUT", "crypto/keys/decrypt"), ("POST", "subtlecrypto/keys/sign"),
    ])
    func none(_ method: String, _ path: String) async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let answer = try http(sidecar.port, method, "/v1.0-alpha1/" + path, "{}", headers: Self.headers)
            #expect(answer.status == 500)
            #expect(try errorCode(answer) == "ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED")
            let sign = Dapr_Proto_Runtime_V1_SubtleSignRequest.with { $0.componentName = "store" }
            #expect(try grpc(sidecar.port, "SubtleSignAlpha1", sign).code == GRPCCode.internal.rawValue)
        }
    }

    @Test("asks for the token before it takes a body")
    func token() async throws {
        var settings = Facts.Settings()
        settings.apiToken = "s3cret"
        try await Sidecar.run([], settings) { (sidecar: Sidecar) async throws in
            func status(_ headers: [(String, String)]) throws -> Int {
                try http(sidecar.port, "PUT", "/v1.0-alpha1/crypto/keys/encrypt", "x", headers: Self.headers + headers).status
            }
            #expect(try status([]) == 401)
            #expect(try status([("dapr-api-token", "wrong")]) == 401)
            #expect(try status([("dapr-api-token", "s3cret")]) == 500)
        }
    }

    @Test("is not there when the configuration takes it away", arguments: ["crypto", "subtlecrypto"])
    func rules(_ group: String) async throws {
        var settings = Facts.Settings()
        settings.apiRules.denied = [APIRules.Rule(group: group, version: "v1alpha1", wire: "")]
        try await Sidecar.run([], settings) { (sidecar: Sidecar) async throws in
            let stream = try http(sidecar.port, "PUT", "/v1.0-alpha1/crypto/keys/encrypt", "x", headers: Self.headers)
            #expect(stream.status == (group == "crypto" ? 404 : 500))
            let single = try http(sidecar.port, "POST", "/v1.0-alpha1/subtlecrypto/keys/sign", "{}")
            #expect(single.status == (group == "crypto" ? 500 : 404))
            let sign = try grpc(sidecar.port, "SubtleSignAlpha1", Dapr_Proto_Runtime_V1_SubtleSignRequest())
            #expect(sign.code == (group == "crypto" ? GRPCCode.internal : .unimplemented).rawValue)
        }
    }

    @Test("a subtle request that is no JSON object, or has bytes that are none, is told so", arguments: [
        ("[]", "ERR_MALFORMED_REQUEST"), ("{", "ERR_MALFORMED_REQUEST"), ("", "ERR_MALFORMED_REQUEST"),
    ])
    func bodies(_ body: String, _ code: String) async throws {
        try await Sidecar.run { (sidecar: Sidecar) async throws in
            let answer = try http(sidecar.port, "POST", "/v1.0-alpha1/subtlecrypto/keys/encrypt", body)
            #expect(answer.status == 400)
            #expect(try errorCode(answer) == code)
        }
    }
}
