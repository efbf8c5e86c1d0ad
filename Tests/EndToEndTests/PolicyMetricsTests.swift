import Foundation
import JSONText
import Testing

@Suite("What policies, access control and certificates do is measured", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct PolicyMetricsTests {
    /// What this suite looks at of the dashboard.
    static let families = ["dapr_resiliency_", "dapr_runtime_acl_", "dapr_runtime_mtls_", "octavo_policy_", "octavo_mtls_"]

    private static func key(
        _ family: String, _ policy: String, target: String, app: String = "caller", direction: String = "outbound", status: String = ""
    ) -> String {
        "dapr_resiliency_\(family){app_id=\"\(app)\",name=\"rules\",policy=\"\(policy)\",namespace=\"\",flow_direction=\"\(direction)\","
            + "target=\"\(target)\",status=\"\(status)\"}"
    }

    @Test("calls of apps and components, by Dapr's names and labels, and the states of circuit breakers")
    func outbound() async throws {
        let fleet = try Fleet()
        try await fleet.app("flaky", "flaky")
        try await fleet.app("shop", "error")
        let slow = try await fleet.bare("slow")
        try fleet.scratch.write(
            Resource.component("store", "state.in-memory") + "---\n"
                + Resource.component("web", "bindings.http", [("url", "http://127.0.0.1:\(slow.port)/")]), to: "caller/all.yaml")
        let caller = try await fleet.caller("caller", """
              policies:
                timeouts: {short: 300ms, long: 20s}
                retries: {again: {duration: 10ms, maxRetries: 2}}
                circuitBreakers: {trips: {trip: consecutiveFailures >= 3, timeout: 1s}}
              targets:
                apps: {flaky: {retry: again, timeout: long}, shop: {circuitBreaker: trips}}
                components: {store: {outbound: {timeout: long, circuitBreaker: trips}}, web: {outbound: {timeout: short}}}
            """)
        for app in ["flaky", "shop"] {
            try await eventually("\(app) is known") {
                try await Curl(path: "/v1.0/invoke/\(app)/method/a").send(to: caller.base).body.contains("resolve") ? nil : ()
            }
        }
        let before = try await caller.samples()
        for _ in 0..<6 { #expect(try await Curl(path: "/v1.0/invoke/flaky/method/a").send(to: caller.base).status == 200) }
        for _ in 0..<8 { _ = try await Curl(path: "/v1.0/invoke/shop/method/a").send(to: caller.base) }
        for _ in 0..<3 { _ = try await Curl(path: "/v1.0/state/store/a").send(to: caller.base) }
        let late = try await Curl(method: "POST", path: "/v1.0/bindings/web", body: #"{"operation":"get"}"#).send(to: caller.base)
        #expect(late.status >= 500, "\(late)")
        let found = try await caller.samples()
        func grown(_ key: String) -> Double { (found[key] ?? 0) - (before[key] ?? 0) }
        #expect(found[#"dapr_resiliency_loaded{app_id="caller",name="rules",namespace=""}"#] == 1)
        #expect(grown(Self.key("count", "retry", target: "app_flaky")) == 6 && grown(Self.key("count", "timeout", target: "app_flaky")) == 6)
        #expect(grown(Self.key("activations_total", "retry", target: "app_flaky")) >= 5)
        #expect(grown(Self.key("count", "timeout", target: "Statestore_store")) == 3)
        #expect(found[Self.key("count", "circuitbreaker", target: "Statestore_store", status: "closed")] == 3)
        #expect(grown(Self.key("count", "timeout", target: "Binding_web")) == 1)
        #expect(grown(Self.key("activations_total", "timeout", target: "Binding_web")) == 1)
        // The breaker of the app that fails has opened, perhaps more than once, and has let a call through half-open since.
        func breaker(_ family: String, _ status: String) -> String { Self.key(family, "circuitbreaker", target: "app_shop", status: status) }
        #expect((found[breaker("activations_total", "open")] ?? 0) >= 1 && grown(breaker("count", "open")) >= 1)
        let states = ["closed", "open", "half-open", "unknown"].map { found[breaker("cb_state", $0)] ?? -1 }
        #expect(states.reduce(0, +) == 1 && states[3] == 0, "\(states)")
        try await eventually("it is half-open", within: .seconds(30)) {
            try await caller.samples()[breaker("cb_state", "half-open")] == 1 ? () : nil
        }
        _ = try await Curl(path: "/v1.0/invoke/shop/method/a").send(to: caller.base)
        let later = try await caller.samples()
        #expect((later[breaker("activations_total", "half-open")] ?? 0) >= 1 && (later[breaker("count", "half-open")] ?? 0) >= 1)
        #expect((later[breaker("activations_total", "open")] ?? 0) > (found[breaker("activations_total", "open")] ?? 0) - 1)
        withExtendedLifetime(fleet) {}
    }

    @Test("targets that callers name have few series, whatever they name")
    func bounded() async throws {
        let fleet = try Fleet()
        let caller = try await fleet.caller("caller", """
              policies: {timeouts: {DefaultAppTimeoutPolicy: 5s}}
              targets: {}
            """)
        let end = try await Subprocess.run(
            "curl", ["-s", "-Z", "--parallel-max", "20", "-o", "/dev/null", "\(caller.base)/v1.0/invoke/app[1-400]/method/a"], within: .seconds(120))
        #expect(end.code == 0, "\(end)")
        let counts = try await caller.samples().filter { $0.key.hasPrefix("dapr_resiliency_count{") }
        #expect(counts.count <= 257 && counts.values.reduce(0, +) == 400, "\(counts.count)")
        #expect(counts.contains { $0.key.contains(#"target="other""#) && $0.value >= 144 })
        withExtendedLifetime(fleet) {}
    }

    @Test("deliveries that come again count for the component that delivers")
    func inbound() async throws {
        let scratch = try Scratch()
        try scratch.write(Resource.component("bus", "pubsub.in-memory"), to: "resources/bus.yaml")
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Resiliency
            metadata: {name: rules}
            spec:
              policies: {retries: {again: {duration: 10ms, maxRetries: 5}}, timeouts: {long: 20s}}
              targets: {components: {bus: {inbound: {retry: again, timeout: long}}}}
            """, to: "resources/rules.yaml")
        let app = try await SubscriberApp.start("http")
        try await OctavoProcess.with(in: scratch, flags: ["--app-port", "\(app.port)", "--resources-path", scratch.file("resources")]) { octavo in
            // The app asks for it once more the first time.
            let answer = try await Curl(
                method: "POST", path: "/v1.0/publish/bus/flaky", headers: ["content-type: application/json"], body: #""again""#
            ).send(to: octavo.base)
            #expect(answer.status == 204)
            func key(_ family: String, _ policy: String) -> String {
                Self.key(family, policy, target: "Pubsub_bus", app: "demo", direction: "inbound")
            }
            try await eventually("a retry is counted", within: .seconds(30)) {
                let found = try await octavo.samples()
                return (found[key("count", "retry")] ?? 0) >= 2 && (found[key("activations_total", "retry")] ?? 0) >= 1
                    && found[key("count", "timeout")] == found[key("count", "retry")] ? () : nil
            }
        }
    }

    @Test("and is on the dashboard")
    func dashboard() async throws {
        let board = try JSONValue(parsing: String(contentsOfFile: Places.package + "/docs/grafana-dashboard.json", encoding: .utf8))
        let queries = (board["panels"]?.array ?? []).flatMap { $0["targets"]?.array ?? [] }.compactMap { $0["expr"]?.string }
        var names: Set<String> = []
        for query in queries {
            for word in query.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" })
            where Self.families.contains(where: { word.hasPrefix($0) }) {
                names.insert(String(word))
            }
        }
        #expect(names.count >= 8, "\(names)")
        // A callee with certificates and rules, which calls another app, too.
        let (scratch, authority) = (try Scratch(), try await TestAuthority())
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata: {name: names}
            spec:
              nameResolution:
                component: sqlite
                configuration: {connectionString: \(scratch.file("names.db")), updateInterval: 1s}
              accessControl:
                defaultAction: deny
                trustDomain: public
                policies:
                - appId: one
                  defaultAction: deny
                  trustDomain: public
                  namespace: default
                  operations:
                  - {name: /a, httpVerb: [GET], action: allow}
            """, to: "config.yaml")
        try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Resiliency
            metadata: {name: rules}
            spec:
              policies: {retries: {again: {duration: 10ms, maxRetries: 1}}, circuitBreakers: {trips: {trip: consecutiveFailures >= 1, timeout: 1h}}}
              targets: {apps: {two: {retry: again, circuitBreaker: trips}}}
            """, to: "resources/rules.yaml")
        let app = try await SubscriberApp.start(script: "invoked_app", ["http", "0"])
        let config = ["--config", scratch.file("config.yaml")]
        let callee = try await OctavoProcess.start(
            flags: ["--app-id", "callee", "--app-port", "\(app.port)", "--resources-path", scratch.file("resources")] + config + authority.issue("callee"))
        let missing = try await OctavoProcess.with(flags: ["--app-id", "one"] + config + authority.issue("one")) { one in
            try await OctavoProcess.with(flags: ["--app-id", "two", "--app-port", "\(app.port)"] + config + authority.issue("two")) { two in
                try await eventually("the callee is known") {
                    try await Curl(path: "/v1.0/invoke/callee/method/a").send(to: one.base).status == 200 ? () : nil
                }
                _ = try await Curl(path: "/v1.0/invoke/callee/method/b").send(to: one.base)
                try await eventually("the other is refused") {
                    try await Curl(path: "/v1.0/invoke/callee/method/a").send(to: two.base).status == 403 ? () : nil
                }
                for _ in 0..<3 { _ = try await Curl(path: "/v1.0/invoke/two/method/nothing").send(to: callee.base) }
                return names.subtracting(try await callee.samples().keys.map { String($0.prefix { $0 != "{" }) })
            }
        }
        // Nothing is allowed to all, nothing failed to be read.
        #expect(missing.subtracting(["dapr_runtime_acl_global_policy_action_allowed_total"]).isEmpty, "\(missing)")
        try await callee.stop()
    }
}
