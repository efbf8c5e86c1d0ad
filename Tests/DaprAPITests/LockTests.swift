import DaprProtos
import JSONText
import ProtoWire
import Testing
import Transport

@testable import DaprAPI

@Suite("The lock API")
struct LockTests {
    private static let stores: [(name: String, type: String, metadata: [String: String])] = [
        ("locks", "lock.keeper", [:]), ("shared", "lock.keeper", ["keyPrefix": "none"]), ("plain", "lock.plain", [:]),
    ]

    private func body(_ resource: String, _ owner: String, _ expiry: String = "60") -> String {
        #"{"resourceId":"\#(resource)","lockOwner":"\#(owner)","expiryInSeconds":\#(expiry)}"#
    }

    private func lock(_ sidecar: Sidecar, _ store: String, _ body: String, _ headers: [(String, String)] = []) throws -> HTTPAnswer {
        try http(sidecar.port, "POST", "/v1.0-alpha1/lock/" + store, body, headers: headers)
    }

    private func unlock(_ sidecar: Sidecar, _ store: String, _ body: String) throws -> HTTPAnswer {
        try http(sidecar.port, "POST", "/v1.0-alpha1/unlock/" + store, body)
    }

    private func tryLock(
        _ sidecar: Sidecar, _ store: String, _ resource: String, _ owner: String, _ expiry: Int32 = 60,
        _ metadata: [(String, String)] = []
    ) throws -> GRPCAnswer {
        try grpc(
            sidecar.port, "TryLockAlpha1",
            Dapr_Proto_Runtime_V1_TryLockRequest.with {
                $0.storeName = store
                $0.resourceID = resource
                $0.lockOwner = owner
                $0.expiryInSeconds = expiry
            }, metadata: metadata)
    }

    private func unlock(_ sidecar: Sidecar, _ store: String, _ resource: String, _ owner: String) throws -> GRPCAnswer {
        try grpc(
            sidecar.port, "UnlockAlpha1",
            Dapr_Proto_Runtime_V1_UnlockRequest.with {
                $0.storeName = store
                $0.resourceID = resource
                $0.lockOwner = owner
            })
    }

    private func success(_ answer: GRPCAnswer) throws -> Bool {
        #expect(answer.code == 0, "\(answer.text)")
        return try answer.decoded(Dapr_Proto_Runtime_V1_TryLockResponse.self).success
    }

    @Test("locks and unlocks over HTTP, with Dapr's statuses as numbers")
    func overHTTP() async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            let first = try lock(sidecar, "locks", body("a", "one"))
            #expect(first.status == 200 && first.text == #"{"success":true}"#)
            #expect(first.headers["octavo-fencing-token"] == "1")
            let second = try lock(sidecar, "locks", body("a", "two"))
            #expect(second.status == 200 && second.text == #"{"success":false}"#)
            #expect(second.headers["octavo-fencing-token"] == nil)
            #expect(try unlock(sidecar, "locks", body("a", "two")).text == #"{"status":2}"#)
            #expect(try unlock(sidecar, "locks", body("a", "one")).text == #"{"status":0}"#)
            #expect(try unlock(sidecar, "locks", body("a", "one")).text == #"{"status":1}"#)
            let snake = #"{"resource_id":"a","lock_owner":"one","expiry_in_seconds":"60"}"#
            #expect(try lock(sidecar, "locks", snake).text == #"{"success":true}"#)
        }
    }

    @Test("locks and unlocks over gRPC, with the fencing token in the headers")
    func overGRPC() async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            let first = try tryLock(sidecar, "locks", "a", "one")
            #expect(try success(first))
            #expect(first.fields["octavo-fencing-token"] == "1")
            #expect(try !success(tryLock(sidecar, "locks", "a", "two")))
            func status(_ owner: String) throws -> Dapr_Proto_Runtime_V1_UnlockResponse.Status {
                try unlock(sidecar, "locks", "a", owner).decoded(Dapr_Proto_Runtime_V1_UnlockResponse.self).status
            }
            #expect(try status("two") == .lockBelongsToOthers)
            #expect(try status("one") == .success)
            #expect(try status("one") == .lockDoesNotExist)
            #expect(try tryLock(sidecar, "locks", "b", "one").fields["octavo-fencing-token"] == "2")
        }
    }

    @Test("gives an owner more time, and nobody else")
    func extend() async throws {
        try await Sidecar.run(Self.stores) { (sidecar: Sidecar) async throws in
            let more = [("octavo-lock", "extend")]
            #expect(try !success(tryLock(sidecar, "locks", "a", "one", 60, more)), "nobody has it")
            #expect(try success(tryLock(sidecar, "locks", "a", "one")))
            #expect(try success(tryLock(sidecar, "locks", "a", "one", 60, more)))
            #expect(try !success(tryLock(sidecar, "locks", "a", "two", 60, more)))
            #expect(try lock(sidecar, "locks", body("a", "one"), more).text == #"{"success":true}"#)
            #expect(try lock(sidecar, "locks", body("a", "two"), more).text == #"{"success":false}"#)
            let plain = try lock(sidecar, "plain", body("a", "one"), more)
            #expect(plain.status == 501, "\(plain.text)")
            #expect(try tryLock(sidecar, "locks", "a", "one", 60, [("octavo-lock", "renew")]).code == GRPCCode.invalidArgument.rawValue)
        }
    }

    @Test("keeps the locks of apps and stores apart as keyPrefix says")
    func prefixes() async throws {
        try await Sidecar.run(Self.stores + [("named", "lock.keeper", ["keyPrefix": "name"])]) { (sidecar: Sidecar) async throws in
            for (store, prefix) in [("locks", "lock||app||"), ("shared", "lock||"), ("named", "lock||named||")] {
                let message = try JSONValue(parsing: lock(sidecar, store, body("error:13:NONE", "one")).body)["message"]?.string
                #expect(message == "failed to try acquiring lock: \(prefix)error:13:NONE")
            }
            #expect(try lock(sidecar, "locks", body("a||b", "one")).status == 400)
        }
    }

    @Test("has Dapr's answers to what is wrong, in Dapr's order")
    func faults() async throws {
        func code(_ answer: HTTPAnswer) throws -> String { try JSONValue(parsing: answer.body)["errorCode"]?.string ?? "" }
        try await Sidecar.run(Self.stores + [("state", "state.scripted", [:])]) { (sidecar: Sidecar) async throws in
            for (name, text, error) in [
                ("nowhere", body("", ""), "ResourceId is empty in lock store nowhere"),
                ("nowhere", body("a", ""), "LockOwner is empty in lock store nowhere"),
                ("nowhere", body("", "", "0"), "ExpiryInSeconds is not positive in lock store nowhere"),
                ("locks", body("a", "b", "-1"), "ExpiryInSeconds is not positive in lock store locks"),
            ] {
                let answer = try lock(sidecar, name, text)
                #expect(answer.status == 400)
                #expect(try code(answer) == "ERR_MALFORMED_REQUEST")
                #expect(try JSONValue(parsing: answer.body)["message"]?.string == error)
            }
            for name in ["nowhere", "state"] {
                let answer = try lock(sidecar, name, body("a", "b"))
                #expect(answer.status == 400)
                #expect(try code(answer) == "ERR_LOCK_STORE_NOT_FOUND")
                #expect(try unlock(sidecar, name, "a", "b").code == GRPCCode.invalidArgument.rawValue)
            }
            for text in ["", "[]", "{", #"{"resourceId":1}"#, #"{"expiryInSeconds":"soon"}"#, #"{"expiryInSeconds":99999999999}"#] {
                #expect(try code(lock(sidecar, "locks", text)) == "ERR_MALFORMED_REQUEST", "\(text)")
            }
            let failed = try lock(sidecar, "locks", body("error:13:NONE", "b"))
            #expect(failed.status == 500)
            #expect(try code(failed) == "ERR_TRY_LOCK")
            #expect(try code(unlock(sidecar, "locks", body("error:13:NONE", "b"))) == "ERR_UNLOCK")
            #expect(try lock(sidecar, "locks", body("error:14:NONE", "b")).status == 503)
            let lost = try tryLock(sidecar, "locks", "error:14:LOST", "b")
            #expect(lost.code == GRPCCode.unavailable.rawValue)
            let info = try #require(try lost.details()["ErrorInfo"])
            #expect(try Google_Rpc_ErrorInfo(serializedBytes: info.value).metadata["mayHaveTakenEffect"] == "true")
            #expect(try http(sidecar.port, "GET", "/v1.0-alpha1/lock/locks").status == 404)
        }
        try await Sidecar.run([]) { (sidecar: Sidecar) async throws in
            let none = try lock(sidecar, "locks", body("", ""))
            #expect(none.status == 500)
            #expect(try code(none) == "ERR_LOCK_STORE_NOT_CONFIGURED")
            #expect(try tryLock(sidecar, "locks", "", "").code == GRPCCode.failedPrecondition.rawValue)
            #expect(try tryLock(sidecar, "locks", "", "", 0).code == GRPCCode.invalidArgument.rawValue)
        }
        var settings = Facts.Settings()
        settings.apiRules.denied = [.init(group: "lock", version: "v1.0-alpha1", wire: "")]
        try await Sidecar.run(Self.stores, settings) { (sidecar: Sidecar) async throws in
            #expect(try lock(sidecar, "locks", body("a", "b")).status == 404)
            #expect(try tryLock(sidecar, "locks", "a", "b").code == GRPCCode.unimplemented.rawValue)
            #expect(try unlock(sidecar, "locks", body("a", "b")).text == #"{"status":1}"#)
        }
    }
}
