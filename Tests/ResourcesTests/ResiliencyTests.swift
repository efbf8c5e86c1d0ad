import Governance
import Testing

@testable import Resources

@Suite("A Resiliency document")
struct ResiliencyTests {
    private func read(_ spec: String) -> (ResiliencyResource?, [String]) {
        let folder = TemporaryFolder()
        folder.write("r.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r}\nspec:\n" + spec)
        let set = ResourceLoader.load(paths: [folder.path], appID: "shop", namespace: nil)
        return (set.resiliencies.first, set.diagnostics.filter { $0.severity != .note }.map { "\($0)" })
    }

    @Test("has policies and targets, and says what it has besides")
    func whole() throws {
        let (found, diagnostics) = read("""
              policies:
                timeouts: {slow: 5s, bare: 250}
                retries:
                  usual: {}
                  three: {policy: constant, duration: 100ms, maxRetries: 3}
                  growing: {policy: exponential, maxInterval: 15s, maxRetries: -1, matching: {httpStatusCodes: "500"}}
                circuitBreakers: {cb: {timeout: 45s, maxRequests: 2, interval: 8s, trip: consecutiveFailures >= 5}}
              targets:
                apps: {other: {retry: three, circuitBreaker: cb, circuitBreakerCacheSize: 100}}
                actors: {counter: {retry: three}}
                components:
                  bus: {inbound: {timeout: bare, retry: three}, outbound: {retry: growing}}

            """)
        #expect(diagnostics == [])
        let one = try #require(found)
        #expect(one.timeouts == ["slow": .seconds(5), "bare": .milliseconds(250)])
        #expect(one.retries["usual"] == .init() && one.retries["usual"]?.maxRetries == nil)
        #expect(one.retries["three"] == .init(duration: .milliseconds(100), maxRetries: 3))
        #expect(
            one.retries["growing"]
                == .init(growth: .exponential, maxInterval: .seconds(15), matching: StatusMatching(http: [500...500])))
        let trip = try BreakerPolicy.Trip("consecutiveFailures >= 5")
        #expect(one.breakers["cb"] == BreakerPolicy(maxRequests: 2, interval: .seconds(8), timeout: .seconds(45), trip: trip))
        #expect(one.apps == ["other": [.retry: "three", .circuitBreaker: "cb"]])
        #expect(one.inbound == ["bus": [.timeout: "bare", .retry: "three"]] && one.outbound == ["bus": [.retry: "growing"]])
        #expect(one.unapplied == ["spec.targets.actors", "spec.targets.apps.other.circuitBreakerCacheSize"])
    }

    @Test("has what Dapr's has not")
    func extensions() throws {
        let (found, diagnostics) = read("""
              policies:
                retryBudgets: {few: {percent: 10, minRetries: 3, window: 5s}}
                rateLimits: {slow: {requests: 100, interval: 10s, burst: 5}}
                concurrencyLimits: {adaptive: {minimum: 2, maximum: 60, initial: 10, tolerance: 2}}
                bulkheads: {small: {maxConcurrent: 4, maxQueued: 8, maxWait: 250}}
                outlierEjections: {strict: {consecutiveFailures: 3, ejectionTime: 10s, maxEjectionPercent: 30}}
                faults: {mess: {match: {headers: {X-Fault: yes}}, delay: {duration: 2s, percent: 5}, abort: {httpStatus: 503, grpcStatus: 14}}}
                routes:
                  canary:
                    rules:
                      - {match: {headers: {x-user: {prefix: test-}, x-beta: {present: true}}}, app: beta}
                      - {split: [{app: shop, weight: 95}, {app: shop-v2, weight: 5}]}
                mirrors: {shadow: {app: shop-shadow, percent: 12.5}}
                hedges: {second: {delay: 50ms}}
              targets:
                apps:
                  shop: {retryBudget: few, rateLimit: slow, concurrencyLimit: adaptive, bulkhead: small, outlierEjection: strict,
                         fault: mess, route: canary, mirror: shadow, hedge: second}
                components:
                  store: {outbound: {bulkhead: small, rateLimit: slow}}

            """)
        #expect(diagnostics == [])
        let policy = PolicySet([try #require(found)]).app(["shop"])
        #expect(policy.budget?.value == RetryBudgetPolicy(share: 0.1, minRetries: 3, window: .seconds(5)))
        #expect(policy.rateLimit?.value == RateLimitPolicy(requests: 100, interval: .seconds(10), burst: 5))
        #expect(policy.concurrency?.value == ConcurrencyPolicy(minimum: 2, maximum: 60, initial: 10, tolerance: 2))
        #expect(policy.bulkhead?.value == BulkheadPolicy(maxConcurrent: 4, maxQueued: 8, maxWait: .milliseconds(250)))
        #expect(policy.outlier?.value == OutlierPolicy(consecutiveFailures: 3, ejectionTime: .seconds(10), maxEjectionPercent: 30))
        #expect(
            policy.fault?.value
                == FaultPolicy(match: [FieldMatch("x-fault", .exact("yes"))], delay: .seconds(2), delayPercent: 5, abortHTTP: 503, abortGRPC: 14))
        #expect(
            policy.route?.value
                == RoutePolicy([
                    .init(match: [FieldMatch("x-user", .prefix("test-")), FieldMatch("x-beta", .present)], targets: [.init("beta")]),
                    .init(targets: [.init("shop", weight: 95), .init("shop-v2", weight: 5)]),
                ]))
        #expect(policy.mirror?.value == MirrorPolicy(app: "shop-shadow", percent: 12.5) && policy.hedge?.value == HedgePolicy(delay: .milliseconds(50)))
        let store = PolicySet([try #require(found)]).outbound("store", type: "state.redis")
        #expect(store.bulkhead?.name == "small" && store.rateLimit?.origin.reason == "named by spec.targets.components.store.outbound.rateLimit")
    }

    @Test("gives default policies by name, the nearest first, and none to a target")
    func defaults() throws {
        let (found, diagnostics) = read("""
              policies:
                timeouts:
                  DefaultTimeoutPolicy: 1s
                  DefaultAppTimeoutPolicy: 2s
                  DefaultComponentOutboundTimeoutPolicy: 3s
                  DefaultStatestoreComponentOutboundTimeoutPolicy: 4s
                  DefaultPubsubComponentInboundTimeoutPolicy: 5s
                retries: {DefaultRetryPolicy: {maxRetries: 2}}
                circuitBreakers: {DefaultComponentCircuitBreakerPolicy: {}}
                rateLimits: {DefaultAppRateLimitPolicy: {requests: 7}}
              targets:
                apps: {own: {}}
                components: {bus: {inbound: {}}}

            """)
        #expect(diagnostics == [])
        let set = PolicySet([try #require(found)])
        func seconds(_ policy: CallPolicy) -> Int64? { policy.timeout?.value.components.seconds }
        #expect(seconds(set.app(["any"])) == 2 && set.app(["any"]).rateLimit?.value.requests == 7 && set.app(["any"]).breaker == nil)
        #expect(set.app(["any"]).retry?.name == "DefaultRetryPolicy" && set.app(["own"]).isEmpty && set.app(["x.ns", "own"]).isEmpty)
        #expect(seconds(set.outbound("a", type: "state.redis")) == 4 && seconds(set.outbound("a", type: "lock.redis")) == 3)
        #expect(set.outbound("a", type: "lock.redis").breaker?.name == "DefaultComponentCircuitBreakerPolicy")
        #expect(seconds(set.inbound("a", type: "pubsub.redis")) == 5 && seconds(set.inbound("a", type: "bindings.x")) == 1)
        #expect(set.outbound("bus", type: "pubsub.redis").isEmpty && set.inbound("bus", type: "pubsub.redis").isEmpty)
    }

    @Test("is refused with the place and the cause", arguments: [
        ("  policies: {retries: {a: {policy: linear}}}", #"spec.policies.retries.a.policy is "linear"; it may be constant or exponential"#),
        ("  policies: {retries: {a: {duration: soon}}}", "spec.policies.retries.a.duration must be a duration"),
        ("  policies: {retries: {a: {maxRetries: -2}}}", "spec.policies.retries.a.maxRetries must be 0 or more, or -1 for no limit, not -2"),
        ("  policies: {timeouts: {a: 0s}}", "spec.policies.timeouts.a must be longer than nothing"),
        ("  policies: {retries: {often: {}}}\n  targets: {components: {bus: {inbound: {retry: ofen}}}}",
         #"spec.targets.components.bus.inbound.retry names the policy "ofen", which spec.policies.retries does not have"#),
        ("  policies: {circuitBreakers: {a: {trip: failures > 3}}}", "spec.policies.circuitBreakers.a.trip is no condition over requests"),
        ("  policies: {retries: {a: {matching: {httpStatusCodes: 5xx}}}}", "spec.policies.retries.a.matching.httpStatusCodes: \"5xx\" is neither a code nor a range"),
        ("  policies: {rateLimits: {a: {burst: 3}}}", "spec.policies.rateLimits.a.requests is missing"),
        ("  policies: {faults: {a: {abort: {percent: 5}}}}", "spec.policies.faults.a.abort has neither httpStatus nor grpcStatus"),
        ("  policies: {routes: {a: {rules: [{app: b, split: [{app: c}]}]}}}", "spec.policies.routes.a.rules[0] must have one of app and split"),
        ("  policies: {mirrors: {a: {app: b, percent: 101}}}", "spec.policies.mirrors.a.percent must be 0 to 100"),
        ("  policies: {hedges: {a: {}}}", "spec.policies.hedges.a.delay is missing"),
        ("  targets: {apps: {a: {retry: b}}}", "spec.targets.apps.a.retry names the policy \"b\""),
        ("  targets: {components: [bus]}", "spec.targets.components must be a mapping"),
    ])
    func refused(spec: String, cause: String) {
        let (found, diagnostics) = read(spec + "\n")
        #expect(found == nil && diagnostics.contains { $0.contains(cause) }, "\(diagnostics)")
    }

    @Test("says which name was meant")
    func typos() {
        let (_, diagnostics) = read("  policies: {retrys: {}, bulkhead: {}}\n  targets: {apps: {a: {circuitBraker: b}}}\n")
        #expect(diagnostics.contains { $0.contains("spec.policies.retrys is not known and not used; did you mean retries?") }, "\(diagnostics)")
        #expect(diagnostics.contains { $0.contains("did you mean bulkheads?") } && diagnostics.contains { $0.contains("did you mean circuitBreaker?") })
    }
}
