import BuildingBlocks
import DaprProtos
import JSONText
import ProtoWire
import Testing
import Transport

@testable import DaprAPI

@Suite("The API of the runtime itself")
struct RuntimeAPITests {
    @Test("shows metadata over both wires, and keeps what clients put there")
    func metadata() async throws {
        var settings = Facts.Settings()
        settings.app = AppConnection(port: 3000, protocol: "http", channelAddress: "127.0.0.1", maxConcurrency: 5)
        try await Sidecar.run([], settings) { (sidecar: Sidecar) async throws in
            #expect(try http(sidecar.port, "PUT", "/v1.0/metadata/cliPID", "42").status == 204)
            let set = Dapr_Proto_Runtime_V1_SetMetadataRequest.with { $0.key = "k"; $0.value = "v" }
            #expect(try grpc(sidecar.port, "SetMetadata", set).code == 0)
            #expect(try grpc(sidecar.port, "SetMetadata", Dapr_Proto_Runtime_V1_SetMetadataRequest()).code == 0)
            let answer = try http(sidecar.port, "GET", "/v1.0/metadata")
            #expect(answer.status == 200)
            #expect(
                answer.text
                    == #"{"id":"app","runtimeVersion":"1.2.3","components":[{"name":"store","type":"state.scripted","version":"v1","capabilities":["ETAG"]}],"extended":{"cliPID":"42","daprRuntimeVersion":"1.2.3","k":"v"},"appConnectionProperties":{"port":3000,"protocol":"http","channelAddress":"127.0.0.1","maxConcurrency":5},"actorRuntime":{"runtimeStatus":"DISABLED","hostReady":false}}"#)
            let reply = try grpc(sidecar.port, "GetMetadata", [])
                .decoded(Dapr_Proto_Runtime_V1_GetMetadataResponse.self)
            #expect(reply.id == "app")
            #expect(reply.runtimeVersion == "1.2.3")
            #expect(reply.registeredComponents.map(\.name) == ["store"])
            #expect(reply.registeredComponents[0].capabilities == ["ETAG"])
            #expect(reply.extendedMetadata == ["cliPID": "42", "k": "v", "daprRuntimeVersion": "1.2.3"])
            #expect(reply.appConnectionProperties.port == 3000)
            #expect(reply.actorRuntime.runtimeStatus == .disabled)
        }
    }

    @Test("is healthy when the runtime is ready")
    func healthy() async throws {
        try await Sidecar.run([]) { (sidecar: Sidecar) async throws in
            #expect(try http(sidecar.port, "GET", "/v1.0/healthz").status == 204)
            #expect(try http(sidecar.port, "GET", "/v1.0/healthz?appid=app").status == 204)
            #expect(try http(sidecar.port, "GET", "/v1.0/healthz/outbound").status == 204)
            let other = try http(sidecar.port, "GET", "/v1.0/healthz?appid=other")
            #expect(other.status == 500)
            #expect(try JSONValue(parsing: other.body)["errorCode"]?.string == "ERR_HEALTH_APPID_NOT_MATCH")
        }
    }

    @Test("says why it is not healthy")
    func unhealthy() async throws {
        var settings = Facts.Settings()
        settings.notReady = ["component x starts"]
        settings.isOutboundReady = false
        try await Sidecar.run([], settings) { (sidecar: Sidecar) async throws in
            let ready = try http(sidecar.port, "GET", "/v1.0/healthz?appid=other")
            #expect(ready.status == 500)
            #expect(
                ready.text == #"{"errorCode":"ERR_HEALTH_NOT_READY","message":"dapr is not ready: [component x starts]"}"#)
            let outbound = try http(sidecar.port, "GET", "/v1.0/healthz/outbound")
            #expect(outbound.status == 500)
            #expect(try JSONValue(parsing: outbound.body)["errorCode"]?.string == "ERR_OUTBOUND_HEALTH_NOT_READY")
        }
    }

    @Test("stops when it is asked to")
    func shutdown() async throws {
        try await Sidecar.run([]) { (sidecar: Sidecar) async throws in
            #expect(try http(sidecar.port, "POST", "/v1.0/shutdown").status == 204)
            #expect(try http(sidecar.port, "POST", "/v1.0/shutdown", headers: [("dapr-force-shutdown", "true")]).status == 204)
            #expect(try grpc(sidecar.port, "Shutdown", []).code == 0)
            #expect(try http(sidecar.port, "GET", "/v1.0/shutdown").status == 404)
            #expect(sidecar.facts.shutdowns == [false, true, false])
        }
    }

    @Test("asks for the token, but not for health")
    func token() async throws {
        var settings = Facts.Settings()
        settings.apiToken = "secret"
        try await Sidecar.run(settings: settings) { (sidecar: Sidecar) async throws in
            for headers in [[], [("dapr-api-token", "")], [("dapr-api-token", "secrets")]] {
                let refused = try http(sidecar.port, "GET", "/v1.0/state/store/k", headers: headers)
                #expect(refused.status == 401)
                #expect(refused.text == "invalid api token\n")
                #expect(try http(sidecar.port, "GET", "/any", headers: headers).status == 401)
                #expect(try http(sidecar.port, "GET", "/v1.0/healthz/other", headers: headers).status == 401)
                #expect(try http(sidecar.port, "POST", "/v1.0/healthz", "", headers: headers).status == 401)
                let call = try grpc(sidecar.port, "GetMetadata", [], metadata: headers)
                #expect(call.code == GRPCCode.unauthenticated.rawValue)
                #expect(call.text == "Unauthorized")
                let info = try Google_Rpc_ErrorInfo(unpackingAny: try #require(try call.details()["ErrorInfo"]))
                #expect(info.reason == "Unauthorized")
                #expect(info.metadata["http.code"] == "401")
            }
            #expect(try http(sidecar.port, "GET", "/v1.0/healthz").status == 204)
            #expect(try http(sidecar.port, "GET", "/v1.0/healthz/outbound").status == 204)
            let shown = [("dapr-api-token", "secret")]
            #expect(try http(sidecar.port, "GET", "/v1.0/state/store/k", headers: shown).status == 204)
            #expect(try grpc(sidecar.port, "GetMetadata", [], metadata: shown).code == 0)
        }
    }

    @Test("leaves out what the configuration takes away, but never health")
    func rules() async throws {
        var settings = Facts.Settings()
        settings.apiRules.allowed = [.init(group: "metadata", version: "v1.0", wire: "http")]
        settings.apiRules.denied = [.init(group: "state", version: "v1", wire: "grpc")]
        try await Sidecar.run(settings: settings) { (sidecar: Sidecar) async throws in
            #expect(try http(sidecar.port, "GET", "/v1.0/state/store/k").status == 404)
            #expect(try http(sidecar.port, "GET", "/v1.0/metadata").status == 200)
            #expect(try http(sidecar.port, "GET", "/v1.0/healthz").status == 204)
            #expect(try grpc(sidecar.port, "GetState", []).code == GRPCCode.unimplemented.rawValue)
            #expect(try grpc(sidecar.port, "GetMetadata", []).code == 0)
        }
    }

    @Test("answers 400 to a target that can't be read")
    func badTarget() async throws {
        try await Sidecar.run([]) { (sidecar: Sidecar) async throws in
            let answer = try http(sidecar.port, "GET", "/v1.0/state/store/%zz")
            #expect(answer.status == 400)
            #expect(answer.headers["content-type"]?.hasPrefix("text/plain") == true)
        }
    }

    @Test("takes unknown paths for invocations that it can't do")
    func invocation() async throws {
        try await Sidecar.run([]) { (sidecar: Sidecar) async throws in
            for (target, headers, status) in [
                ("/v1.0/invoke/other/method/m", [], 500), ("/m", [("dapr-app-id", "other")], 500), ("/m", [], 404),
                ("/v1.0/invoke/other", [], 404), ("/v1.0/invoke", [], 404),
            ] as [(String, [(String, String)], Int)] {
                let answer = try http(sidecar.port, "POST", target, "x", headers: headers)
                #expect(answer.status == status)
                #expect(try JSONValue(parsing: answer.body)["errorCode"]?.string == "ERR_DIRECT_INVOKE")
            }
        }
    }
}

extension Sidecar {
    /// With a store and these settings.
    static func run(settings: Facts.Settings, _ body: (Sidecar) async throws -> Void) async throws {
        try await run([("store", "state.scripted", [:])], settings, body)
    }
}
