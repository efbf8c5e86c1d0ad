import DaprProtos
import JSONText
import NIOConcurrencyHelpers
import NIOCore
import ProtoWire
import Testing
import Transport

@testable import DaprAPI

/// Writes down what the app would be told.
private final class Told: ConfigurationReceiver {
    private let changes = NIOLockedValueBox<[ConfigurationChange]>([])
    var all: [ConfigurationChange] { changes.withLockedValue { $0 } }
    func receive(_ change: ConfigurationChange, on loop: any EventLoop) { changes.withLockedValue { $0.append(change) } }
}

@Suite("The configuration API")
struct ConfigurationTests {
    private typealias Item = Dapr_Proto_Common_V1_ConfigurationItem
    private typealias Response = Dapr_Proto_Runtime_V1_SubscribeConfigurationResponse
    private static let stores: [(name: String, type: String, metadata: [String: String])] = [
        ("items", "configuration.keeper", [:]), ("fixed", "configuration.fixed", [:]),
    ]

    private func set(_ sidecar: Sidecar, _ key: String, _ value: String, _ version: String = "") throws {
        let body = #"[{"key":"\#(key)","value":"\#(value)","version":"\#(version)"}]"#
        #expect(try http(sidecar.port, "POST", "/v1.0/configuration/items", body).status == 204)
    }

    private func remove(_ sidecar: Sidecar, _ key: String) throws {
        #expect(try http(sidecar.port, "DELETE", "/v1.0/configuration/items?key=" + key).status == 204)
    }

    private func subscribe(_ sidecar: Sidecar, _ keys: [String], _ store: String = "items", _ suffix: String = "") throws -> GRPCExchange {
        let request = Dapr_Proto_Runtime_V1_SubscribeConfigurationRequest.with { $0.storeName = store; $0.keys = keys }
        return try GRPCExchange(sidecar.port, "SubscribeConfiguration" + suffix, request.serializedBytes())
    }

    private func response(_ exchange: GRPCExchange) throws -> Response {
        try Response(serializedBytes: #require(try exchange.next(), "\(exchange.fields)"))
    }

    private func unsubscribe(
        _ sidecar: Sidecar, _ id: String, _ store: String = "items", _ suffix: String = ""
    ) throws -> Dapr_Proto_Runtime_V1_UnsubscribeConfigurationResponse {
        let request = Dapr_Proto_Runtime_V1_UnsubscribeConfigurationRequest.with { $0.storeName = store; $0.id = id }
        let answer = try grpc(sidecar.port, "UnsubscribeConfiguration" + suffix, request)
        #expect(answer.code == 0, "\(answer.text)")
        return try answer.decoded(Dapr_Proto_Runtime_V1_UnsubscribeConfigurationResponse.self)
    }

    private func errorCode(_ answer: HTTPAnswer) throws -> String? { try JSONValue(parsing: answer.body)["errorCode"]?.string }

    @Test("gives items, over both wires and under old names")
    func get() async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            #expect(try http(sidecar.port, "GET", "/v1.0/configuration/items").status == 204)
            try set(sidecar, "a", "1", "v7")
            try set(sidecar, "b", "")
            let some = try http(sidecar.port, "GET", "/v1.0/configuration/items?key=a&key=none")
            #expect(some.status == 200 && some.text == #"{"a":{"value":"1","version":"v7"}}"#)
            let all = try http(sidecar.port, "GET", "/v1.0-alpha1/configuration/items")
            #expect(all.text == #"{"a":{"value":"1","version":"v7"},"b":{"value":""}}"#)
            for suffix in ["", "Alpha1"] {
                let request = Dapr_Proto_Runtime_V1_GetConfigurationRequest.with { $0.storeName = "items"; $0.keys = ["a", "none"] }
                let reply = try grpc(sidecar.port, "GetConfiguration" + suffix, request)
                    .decoded(Dapr_Proto_Runtime_V1_GetConfigurationResponse.self)
                #expect(reply.items.mapValues { [$0.value, $0.version] } == ["a": ["1", "v7"]])
            }
        }
    }

    @Test("tells a stream its id, then changes, until somebody ends it", arguments: ["", "Alpha1"])
    func stream(suffix: String) async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            try set(sidecar, "a", "before")
            let one = try subscribe(sidecar, ["a"], "items", suffix), all = try subscribe(sidecar, [], "items", suffix)
            let id = try response(one).id, other = try response(all).id
            #expect(!id.isEmpty && id != other)
            try set(sidecar, "b", "1")
            try set(sidecar, "a", "2", "v2")
            try remove(sidecar, "a")
            var told = try response(one)
            #expect(told.id == id && told.items.mapValues { [$0.value, $0.version] } == ["a": ["2", "v2"]])
            told = try response(one)
            #expect(told.items["a"]?.value == "" && told.items["a"]?.metadata == ["removed": "true"])
            #expect(try [response(all), response(all), response(all)].map { $0.items.keys.sorted() } == [["b"], ["a"], ["a"]])
            #expect(try unsubscribe(sidecar, id, "fixed").ok == false, "the id is one of another store")
            #expect(try unsubscribe(sidecar, id, "items", suffix).ok)
            #expect(try one.next() == nil)
            #expect(one.fields["grpc-status"] == "0")
            let again = try unsubscribe(sidecar, id, "items", suffix)
            #expect(!again.ok && again.message.contains(id))
            try set(sidecar, "a", "3")
            #expect(try response(all).items["a"]?.value == "3")
            #expect(sidecar.facts.configurationSubscriptions.count == 1)
        }
    }

    @Test("forgets a subscription whose caller has gone")
    func gone() async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            for _ in 0..<100 {
                let stream = try subscribe(sidecar, ["a"])
                _ = try response(stream)
            }
            // More than there is room for in the fixture, had it not heard of their end.
            for _ in 0..<1000 where sidecar.facts.configurationSubscriptions.count > 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(sidecar.facts.configurationSubscriptions.count == 0)
        }
    }

    @Test("ends all streams at once when the runtime stops")
    func stop() async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            let stream = try subscribe(sidecar, ["a"])
            _ = try response(stream)
            sidecar.facts.configurationSubscriptions.endAll()
            #expect(try stream.next() == nil)
            #expect(stream.fields["grpc-status"] == "0")
        }
    }

    @Test("tells the app of a subscription over HTTP, one item at a time")
    func overHTTP() async throws {
        let told = Told()
        var settings = Facts.Settings()
        settings.configurationReceiver = told
        try await Sidecar.run(Self.stores, settings) { (sidecar: Sidecar) async throws in
            let answer = try http(sidecar.port, "GET", "/v1.0/configuration/items/subscribe?key=a&key=a")
            #expect(answer.status == 200)
            let id = try #require(try JSONValue(parsing: answer.body)["id"]?.string)
            try set(sidecar, "a", "1", "v1")
            try set(sidecar, "b", "1")
            try remove(sidecar, "a")
            for _ in 0..<1000 where told.all.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(told.all.map(\.store) == ["items", "items"] && told.all.map(\.key) == ["a", "a"])
            #expect(
                told.all.map { String(decoding: $0.body, as: UTF8.self) } == [
                    #"{"id":"\#(id)","items":{"a":{"value":"1","version":"v1"}}}"#,
                    #"{"id":"\#(id)","items":{"a":{"value":"","metadata":{"removed":"true"}}}}"#,
                ])
            let end = try http(sidecar.port, "GET", "/v1.0/configuration/items/\(id)/unsubscribe")
            #expect(end.status == 200 && end.text == #"{"ok":true}"#)
            let again = try http(sidecar.port, "GET", "/v1.0/configuration/items/\(id)/unsubscribe")
            #expect(again.status == 500)
            #expect(try JSONValue(parsing: again.body)["message"]?.string?.contains(id) == true)
            try set(sidecar, "a", "2")
            let last = try subscribe(sidecar, ["a"])
            _ = try response(last)
            try set(sidecar, "a", "3")
            #expect(try response(last).items["a"]?.value == "3")
            #expect(told.all.count == 2, "an ended subscription was told")
        }
    }

    @Test("has Dapr's answers to what is wrong")
    func faults() async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            let none = try http(sidecar.port, "GET", "/v1.0/configuration/items/subscribe?key=a")
            #expect(none.status == 500)
            #expect(try errorCode(none) == "ERR_APP_CHANNEL_NIL")
            for path in ["nowhere", "nowhere/subscribe", "nowhere/id/unsubscribe"] {
                let answer = try http(sidecar.port, "GET", "/v1.0/configuration/" + path)
                #expect(answer.status == 400)
                #expect(try errorCode(answer) == "ERR_CONFIGURATION_STORE_NOT_FOUND")
            }
            let failed = try http(sidecar.port, "GET", "/v1.0/configuration/items?key=error:13:NONE")
            #expect(failed.status == 500)
            #expect(try errorCode(failed) == "ERR_CONFIGURATION_GET")
            for (store, key, code) in [
                ("nowhere", "a", GRPCCode.invalidArgument), ("items", "error:13:NONE", .invalidArgument),
                ("items", "error:14:NONE", .unavailable), ("fixed", "a", .unimplemented),
            ] {
                let stream = try subscribe(sidecar, [key], store)
                #expect(try stream.next() == nil)
                #expect(stream.fields["grpc-status"] == "\(code.rawValue)", "\(store) \(key): \(stream.fields)")
            }
            #expect(sidecar.facts.configurationSubscriptions.count == 0)
            for body in ["", "{}", #"[{"value":"1"}]"#, #"[{"key":"a"}]"#, #"[{"key":"a","value":1}]"#] {
                let answer = try http(sidecar.port, "POST", "/v1.0/configuration/items", body)
                #expect(answer.status == 400, "\(body)")
                #expect(try errorCode(answer) == "ERR_MALFORMED_REQUEST")
            }
            #expect(try http(sidecar.port, "DELETE", "/v1.0/configuration/items").status == 400)
            let fixed = try http(sidecar.port, "POST", "/v1.0/configuration/fixed", #"[{"key":"a","value":"1"}]"#)
            #expect(fixed.status == 501)
            #expect(try errorCode(fixed) == "ERR_CONFIGURATION_SET")
            #expect(try GRPCExchange(sidecar.port, "SubscribeConfiguration", [0x0A, 0xFF]).next() == nil)
        }
        try await Sidecar.run([]) { (sidecar: Sidecar) async throws in
            let none = try http(sidecar.port, "GET", "/v1.0/configuration/items")
            #expect(none.status == 500)
            #expect(try errorCode(none) == "ERR_CONFIGURATION_STORE_NOT_CONFIGURED")
        }
    }
}
