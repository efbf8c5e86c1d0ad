import Foundation
import JSONText
import Testing

@Suite("Calls of apps follow policies", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs Python"))
struct InvocationPolicyTests {
    enum Fault: String, CaseIterable, Sendable {
        /// What is wrong with one of two instances: its runtime is killed, or stopped; its app is stopped, slow, and so on.
        case killed, frozen, appFrozen, slow, reset, lie, error

        var mode: String {
            switch self {
            case .killed, .frozen, .appFrozen: "good"
            default: rawValue
            }
        }
    }

    private static let policies = """
          policies:
            timeouts: {short: 700ms}
            retries: {again: {policy: constant, duration: 20ms, maxRetries: 4}}
            circuitBreakers: {never: {trip: consecutiveFailures > 1000}}
          targets:
            apps: {shop: {timeout: short, retry: again, circuitBreaker: never}}
        """

    private func failures(_ counts: [Int: Int]) -> Int { counts.filter { $0.key != 200 }.values.reduce(0, +) }

    @Test("what one of two instances does not do the other one does, by retries", arguments: Fault.allCases)
    func instances(fault: Fault) async throws {
        let fleet = try Fleet()
        try await fleet.app("shop")
        let bad = try await fleet.app("shop", fault.mode)
        let plain = try await fleet.caller("plain"), governed = try await fleet.caller("governed", Self.policies)
        for caller in [plain, governed] {
            try await eventually("one is known\n\(caller.process.errors)", within: .seconds(30)) {
                try await Fleet.send(4, to: "shop", by: caller)[200] != nil ? () : nil
            }
        }
        // They look again every two seconds.
        try await eventually("both instances get calls", within: .seconds(30)) {
            _ = try await Fleet.send(6, to: "shop", by: plain, seconds: 1)
            _ = try await Fleet.send(6, to: "shop", by: governed, seconds: 5)
            return bad.app.output.split(separator: "\n").count > 6 ? () : nil
        }
        switch fault {
        case .killed: try await bad.runtime.killed()
        case .frozen: bad.runtime.process.kill(SIGSTOP)
        case .appFrozen: bad.app.kill(SIGSTOP)
        default: break
        }
        let count = 40
        let without = failures(try await Fleet.send(count, to: "shop", by: plain, seconds: 1))
        let with = failures(try await Fleet.send(count, to: "shop", by: governed, seconds: 10))
        print("one of two instances is \(fault.rawValue): of \(count) requests \(without) fail without a policy, \(with) with one")
        #expect(with == 0)
        switch fault {
        // Who has gone is known without a policy: what it has not seen goes to the other one.
        case .killed: #expect(without <= 4)
        // The others go to the instance with fewer calls under way.
        case .frozen, .appFrozen, .slow: #expect(without >= 1)
        case .reset, .lie, .error: #expect(without >= count / 8)
        }
        if fault == .frozen { bad.runtime.process.kill(SIGCONT) }
        withExtendedLifetime(fleet) {}
    }

    private func explain(_ target: String, _ caller: OctavoProcess) async throws -> [String] {
        try await caller.json("policy", "explain", target)["steps"]?.array?.compactMap { $0["kind"]?.string } ?? []
    }

    private func summary(_ target: String, _ caller: OctavoProcess) async throws -> JSONValue? {
        try await caller.json("policy", "list")["policies"]?.array?.first { $0["target"]?.string == target }
    }

    private func seen(_ app: Subprocess) -> [Substring] { Array(app.output.split(separator: "\n").dropFirst()) }

    @Test("a circuit breaker stops calls of an app that fails, and says so over HTTP and gRPC")
    func breaker() async throws {
        let fleet = try Fleet()
        let bad = try await fleet.app("shop", "error")
        let caller = try await fleet.caller("caller", """
              policies: {circuitBreakers: {trips: {trip: consecutiveFailures >= 4, timeout: 1h}}}
              targets: {apps: {shop: {circuitBreaker: trips}}}
            """)
        try await eventually("the app is known") { try await Fleet.send(1, to: "shop", by: caller)[503] != nil ? () : nil }
        _ = try await Fleet.send(30, to: "shop", by: caller)
        #expect(try await summary("app/shop", caller)?["breaker"]?.string == "open")
        // Of those that began before it opened some may still have come.
        #expect(seen(bad.app).count <= 8)
        let refused = try await Curl(path: "/v1.0/invoke/shop/method/a").send(to: caller.base)
        #expect(refused.status == 500 && refused.body.contains("ERR_DIRECT_INVOKE") && refused.body.contains("circuit breaker is open"), "\(refused)")
        #expect(refused.headers["retry-after"].flatMap { Int($0) }.map { $0 > 3000 } == true)
        #expect(try await explain("app/shop", caller) == ["circuitBreaker", "connection"])
        withExtendedLifetime(fleet) {}
    }

    @Test("only failures that a policy names are tried again, with the body, and a large body is sent once")
    func matching() async throws {
        let fleet = try Fleet()
        let flaky = try await fleet.app("flaky", "flaky")
        let caller = try await fleet.caller("caller", """
              policies:
                retries:
                  all: {duration: 10ms, maxRetries: 3, matching: {httpStatusCodes: "500-599"}}
                  other: {duration: 10ms, maxRetries: 3, matching: {httpStatusCodes: "429"}}
              targets: {apps: {flaky: {retry: all}}}
            """)
        try await eventually("the app is known") { try await Fleet.send(1, to: "flaky", by: caller)[200] != nil ? () : nil }
        let before = seen(flaky.app).count
        #expect(try await Fleet.send(10, to: "flaky", by: caller, at: 1, body: "text") == [200: 10])
        #expect(seen(flaky.app).count == before + 20)
        let answer = try await Curl(method: "POST", path: "/v1.0/invoke/flaky/method/a", body: "text").send(to: caller.base)
        #expect(answer.json?["body"]?.string == "text")
        // More than is kept.
        let large = String(repeating: "x", count: 100_000)
        let once = try await Fleet.send(4, to: "flaky", by: caller, at: 1, body: large)
        #expect(once == [200: 2, 503: 2])
        try fleet.write("  policies: {retries: {other: {duration: 10ms, matching: {httpStatusCodes: '429'}}}}\n  targets: {apps: {flaky: {retry: other}}}", for: "caller")
        try await eventually("the change is taken in", within: .seconds(20)) {
            try await Fleet.send(4, to: "flaky", by: caller, at: 1) == [200: 2, 503: 2] ? () : nil
        }
        withExtendedLifetime(fleet) {}
    }

    @Test("servers that are no apps are targets like apps")
    func endpoints() async throws {
        let fleet = try Fleet()
        let flaky = try await fleet.bare("flaky")
        try fleet.scratch.write(
            "apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata: {name: web}\nspec: {baseUrl: 'http://127.0.0.1:\(flaky.port)'}\n",
            to: "caller/web.yaml")
        let caller = try await fleet.caller("caller", "  policies: {retries: {again: {duration: 10ms, maxRetries: 2}}}\n  targets: {apps: {web: {retry: again}}}")
        try await eventually("it is known") { try await Fleet.send(2, to: "web", by: caller, at: 1) == [200: 2] ? () : nil }
        #expect(try await Fleet.send(10, to: "web", by: caller, at: 1) == [200: 10])
        #expect((try await summary("app/web", caller)?["retries"]?.integer ?? 0) >= 10)
        withExtendedLifetime(fleet) {}
    }

    @Test("what is left of the caller's time goes with a call, and ends it")
    func deadlines() async throws {
        let fleet = try Fleet()
        let slow = try await fleet.app("slow", "slow")
        let caller = try await fleet.caller("caller", "  policies: {timeouts: {long: 60s}}\n  targets: {apps: {slow: {timeout: long}}}")
        try await eventually("the app is known", within: .seconds(30)) { try await Fleet.send(1, to: "slow", by: caller, seconds: 5)[200] != nil ? () : nil }
        let policy = try #require(seen(slow.app).last?.split(separator: " ").last.flatMap { Int($0) })
        #expect((50_000...60_000).contains(policy))
        let start = ContinuousClock.now
        let late = try await Curl(path: "/v1.0/invoke/slow/method/a", headers: ["octavo-timeout-ms: 900"]).send(to: caller.base)
        #expect(late.status == 504 && ContinuousClock.now - start < .seconds(2.5), "\(late)")
        let left = try #require(seen(slow.app).last?.split(separator: " ").last.flatMap { Int($0) })
        #expect((1...900).contains(left))
        withExtendedLifetime(fleet) {}
    }

    @Test("a rate limit answers 429 and says when to come again, a bulkhead 503")
    func limits() async throws {
        let fleet = try Fleet()
        try await fleet.app("shop")
        let slow = try await fleet.app("slow", "slow")
        let caller = try await fleet.caller("caller", """
              policies: {rateLimits: {few: {requests: 5, interval: 1h}}, bulkheads: {two: {maxConcurrent: 2, maxQueued: 1}}}
              targets: {apps: {limited: {rateLimit: few}, slow: {bulkhead: two}}}
            """)
        try await eventually("the apps are known", within: .seconds(30)) {
            let known = try await Fleet.send(1, to: "shop", by: caller)[200], slow = try await Fleet.send(1, to: "slow", by: caller, seconds: 5)[200]
            return known != nil && slow != nil ? () : nil
        }
        // Calls of an app that is not there count, too.
        let counts = try await Fleet.send(20, to: "limited", by: caller)
        #expect(counts[429] == 15, "\(counts)")
        let refused = try await Curl(path: "/v1.0/invoke/limited/method/a").send(to: caller.base)
        #expect(refused.status == 429 && refused.headers["retry-after"].flatMap { Int($0) }.map { $0 > 60 } == true, "\(refused)")
        let before = seen(slow.app).count
        let bulk = try await Fleet.send(8, to: "slow", by: caller, at: 8, seconds: 20)
        #expect(bulk == [200: 3, 503: 5] && seen(slow.app).count == before + 3, "\(bulk)")
        withExtendedLifetime(fleet) {}
    }

    @Test("faults are made for requests that a rule is about")
    func faults() async throws {
        let fleet = try Fleet()
        let app = try await fleet.app("shop")
        let caller = try await fleet.caller("caller", """
              policies:
                faults:
                  mess: {match: {headers: {x-fault: {present: true}}}, delay: {duration: 400ms}, abort: {httpStatus: 418}}
              targets: {apps: {shop: {fault: mess}}}
            """)
        try await eventually("the app is known") { try await Fleet.send(1, to: "shop", by: caller)[200] != nil ? () : nil }
        let before = seen(app.app).count
        let start = ContinuousClock.now
        let answer = try await Curl(path: "/v1.0/invoke/shop/method/a", headers: ["x-fault: 1"]).send(to: caller.base)
        #expect(answer.status == 418 && ContinuousClock.now - start >= .milliseconds(390) && seen(app.app).count == before, "\(answer)")
        #expect(try await Fleet.send(5, to: "shop", by: caller) == [200: 5])
        #expect(try await summary("app/shop", caller)?["faults"]?.integer == 1)
        withExtendedLifetime(fleet) {}
    }

    @Test("idempotent calls go to a second instance when the first one is slow, and others do not")
    func hedging() async throws {
        let fleet = try Fleet()
        try await fleet.app("shop")
        let slow = try await fleet.app("shop", "slow")
        let caller = try await fleet.caller("caller", "  policies: {hedges: {second: {delay: 100ms}}}\n  targets: {apps: {shop: {hedge: second}}}")
        let plain = try await fleet.caller("plain")
        try await eventually("the slow one gets calls", within: .seconds(30)) {
            _ = try await Fleet.send(4, to: "shop", by: caller, seconds: 1)
            _ = try await Fleet.send(4, to: "shop", by: plain, seconds: 1)
            return seen(slow.app).count >= 3 ? () : nil
        }
        let with = try await Fleet.send(20, to: "shop", by: caller, seconds: 2), without = try await Fleet.send(20, to: "shop", by: plain, seconds: 2)
        print("one of two instances takes 3 s: of 20 requests with 2 s \(20 - (without[200] ?? 0)) fail without hedging, \(20 - (with[200] ?? 0)) with it")
        #expect(with == [200: 20] && (without[200] ?? 0) < 20)
        let hedges = try await summary("app/shop", caller)?["hedges"]?.integer ?? 0
        #expect(hedges >= 1)
        _ = try await Fleet.send(6, to: "shop", by: caller, seconds: 1, body: "a post")
        #expect(try await summary("app/shop", caller)?["hedges"]?.integer == hedges)
        withExtendedLifetime(fleet) {}
    }

    @Test("calls are routed by fields and by weight, and copies go to a mirror")
    func routes() async throws {
        let fleet = try Fleet()
        let one = try await fleet.app("shop"), two = try await fleet.app("shop-v2"), shadow = try await fleet.app("shadow")
        let caller = try await fleet.caller("caller", """
              policies:
                routes: {canary: {rules: [{match: {headers: {x-user: {prefix: test-}}}, app: shop-v2}, {split: [{app: shop, weight: 80}, {app: shop-v2, weight: 20}]}]}}
                mirrors: {copies: {app: shadow}}
              targets: {apps: {shop: {route: canary, mirror: copies}}}
            """)
        for app in ["shop", "shop-v2", "shadow"] {
            try await eventually("\(app) is known") { try await Fleet.send(1, to: app, by: caller)[200] != nil ? () : nil }
        }
        func counts() -> [Int] { [one.app, two.app, shadow.app].map { seen($0).count } }
        var before = counts()
        #expect(try await Fleet.send(10, to: "shop", by: caller, fields: ["x-user: test-1"]) == [200: 10])
        #expect(counts()[0] == before[0] && counts()[1] == before[1] + 10)
        try await eventually("the mirror has them") { counts()[2] == before[2] + 10 ? () : nil }
        before = counts()
        #expect(try await Fleet.send(200, to: "shop", by: caller, body: "b") == [200: 200])
        let second = counts()[1] - before[1]
        // 40 are to be expected; five times the deviation is 28.
        #expect((12...68).contains(second) && counts()[0] - before[0] == 200 - second, "\(second)")
        try await eventually("the mirror has them") { counts()[2] == before[2] + 200 ? () : nil }
        withExtendedLifetime(fleet) {}
    }

    @Test("an instance whose calls fail is left out, and the app is spared from retries beyond the budget")
    func outliers() async throws {
        let fleet = try Fleet()
        try await fleet.app("shop")
        let bad = try await fleet.app("shop", "error")
        let caller = try await fleet.caller("caller", """
              policies:
                outlierEjections: {strict: {consecutiveFailures: 3, ejectionTime: 1h, maxEjectionTime: 2h}}
                retries: {many: {duration: 5ms, maxRetries: 10}}
                retryBudgets: {few: {percent: 0, minRetries: 5, window: 1h}}
              targets: {apps: {shop: {outlierEjection: strict}, down: {retry: many, retryBudget: few}}}
            """)
        try await eventually("the bad one gets calls", within: .seconds(30)) {
            _ = try await Fleet.send(4, to: "shop", by: caller)
            return seen(bad.app).count >= 2 ? () : nil
        }
        // One of each event loop at least.
        try await eventually("it is left out", within: .seconds(30)) {
            let counts = try await Fleet.send(20, to: "shop", by: caller, at: 8)
            return counts == [200: 20] ? () : nil
        }
        let counts = try await Fleet.send(60, to: "shop", by: caller, at: 8)
        print("one of two instances answers 503: of 60 requests \(60 - (counts[200] ?? 0)) fail once it is left out")
        #expect((counts[503] ?? 0) <= 6, "\(counts)")
        #expect((try await summary("app/shop", caller)?["ejections"]?.integer ?? 0) >= 1)
        _ = try await Fleet.send(30, to: "down", by: caller)
        let down = try #require(try await summary("app/down", caller))
        #expect(down["calls"]?.integer == 30 && down["retries"]?.integer == 5, "\(down)")
        withExtendedLifetime(fleet) {}
    }

    private func calls(_ kind: String, _ app: String, _ count: Int, by caller: OctavoProcess, seconds: Double = 10) async throws -> String {
        let end = try await Subprocess.run(
            Places.python, [Places.script("governed_calls"), "\(caller.grpc)", kind, app, "\(count)", "\(seconds)"], within: .seconds(120))
        #expect(end.code == 0, "\(end.errors)")
        return end.output.split(separator: "\n").first.map(String.init) ?? ""
    }

    @Test("gRPC calls are tried again while nothing of them was answered, in time, and streams are not")
    func grpc() async throws {
        let fleet = try Fleet()
        let flaky = try await fleet.app("flaky", "grpc-flaky"), slow = try await fleet.app("slow", "grpc-slow")
        try await fleet.app("web", "flaky")
        let rules = """
              policies:
                retries: {again: {duration: 10ms, maxRetries: 2}}
                timeouts: {short: 400ms}
                circuitBreakers: {trips: {trip: consecutiveFailures >= 2, timeout: 1h}}
                rateLimits: {few: {requests: 2, interval: 1h}}
              targets: {apps: {flaky: {retry: again}, web: {retry: again}, slow: {timeout: short, circuitBreaker: trips}, limited: {rateLimit: few}}}
            """
        let plain = try await fleet.caller("plain"), governed = try await fleet.caller("governed", rules)
        for app in ["flaky", "web"] {
            try await eventually("\(app) is known", within: .seconds(30)) {
                let kind = app == "web" ? "invoke" : "proxy"
                let without = try await calls(kind, app, 2, by: plain), with = try await calls(kind, app, 2, by: governed)
                return without.contains("OK=1") && with.contains("OK=2") ? () : nil
            }
        }
        for (kind, app) in [("proxy", "flaky"), ("invoke", "web")] {
            let without = try await calls(kind, app, 20, by: plain), with = try await calls(kind, app, 20, by: governed)
            print("every other call (\(kind)) fails: of 20 calls \(without) without a policy, \(with) with one")
            #expect(without == "OK=10 UNAVAILABLE=10" && with == "OK=20")
        }
        #expect(try await calls("stream", "flaky", 3, by: governed) == "UNAVAILABLE=3")
        try await eventually("slow is known", within: .seconds(30)) {
            _ = try await calls("proxy", "slow", 1, by: governed)
            return seen(slow.app).isEmpty ? nil : ()
        }
        let start = ContinuousClock.now
        let late = try await calls("proxy", "slow", 5, by: governed)
        // The breaker opens at the second one at the latest.
        #expect(late.contains("UNAVAILABLE=") && ContinuousClock.now - start < .seconds(8), "\(late)")
        #expect(try await summary("app/slow", governed)?["breaker"]?.string == "open")
        let limited = try await calls("proxy", "limited", 6, by: governed)
        #expect(limited.contains("RESOURCE_EXHAUSTED=4") && limited.contains("retry-after=4"), "\(limited)")
        withExtendedLifetime((fleet, flaky)) {}
    }
}
