import Testing

@testable import Governance

@Suite("Rules")
struct RuleTests {
    @Test("status codes are lists of codes and ranges")
    func matching() throws {
        #expect(try StatusMatching.ranges("429, 500-599", valid: StatusMatching.httpCodes) == [429...429, 500...599])
        #expect(try StatusMatching.ranges("", valid: StatusMatching.httpCodes) == nil)
        let rule = StatusMatching(http: [429...429, 500...599], grpc: nil)
        #expect(rule.allows(.http(429)) && rule.allows(.http(503)) && !rule.allows(.http(404)) && rule.allows(.grpc(3)) && rule.allows(.none))
        #expect(!CallStatus.http(399).isFailure && CallStatus.http(400).isFailure && CallStatus.grpc(5).isFailure && !CallStatus.grpc(0).isFailure)
    }

    @Test("lists that are none are refused", arguments: ["5xx", "500-", "99", "600", "503-500", "1-2-3", "-5"])
    func badMatching(text: String) {
        #expect(throws: StatusMatching.Invalid.self) { try StatusMatching.ranges(text, valid: StatusMatching.httpCodes) }
    }

    @Test("retries are as many as allowed, with pauses that grow to the longest and spread")
    func retries() {
        let rule = RetryPolicy(first: .milliseconds(500), factor: 1.5, longest: .seconds(15), spread: 0.5, retries: 3)
        #expect(rule.permits(retry: 2) && !rule.permits(retry: 3))
        #expect(rule.pause(attempt: 0, chance: 0) == .milliseconds(500) && rule.pause(attempt: 1, chance: 0) == .milliseconds(750))
        #expect(rule.pause(attempt: 0, chance: -1) == .milliseconds(250) && rule.pause(attempt: 100, chance: 1) == .seconds(15))
        #expect(RetryPolicy(first: .seconds(1), longest: .seconds(1)).permits(retry: 1_000_000))
    }

    @Test("an outlier is left out for longer each time, and never all of them are")
    func outliers() {
        let policy = OutlierPolicy(consecutiveFailures: 2, ejectionTime: .seconds(10), maxEjectionTime: .seconds(25))
        var one = OutlierRecord()
        let second: Int64 = 1_000_000_000
        func end(_ success: Bool, _ now: Int64, _ may: Bool = true) -> Bool { one.ended(success: success, policy, now: now, mayEject: may) }
        #expect(!end(false, 1) && !end(true, 1) && !end(false, 1) && end(false, 1) && one.isEjected(now: 10 * second) && !one.isEjected(now: 11 * second))
        #expect(!end(false, 20 * second) && end(false, 20 * second) && one.isEjected(now: 39 * second))
        #expect(!end(false, 50 * second) && end(false, 50 * second) && one.isEjected(now: 74 * second) && !one.isEjected(now: 76 * second))
        _ = end(true, 200 * second)
        #expect(!end(false, 201 * second) && end(false, 201 * second) && !one.isEjected(now: 212 * second))
        #expect(!end(false, 300 * second) && !end(false, 300 * second, false) && !one.isEjected(now: 300 * second))
        #expect((0...10).map { policy.most(of: $0) } == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5])
        #expect(OutlierPolicy(maxEjectionPercent: 100).most(of: 3) == 2)
    }

    @Test("faults happen to the share of requests that the rule is about")
    func faults() {
        var chance = Chance(7)
        let rule = FaultPolicy(
            match: [FieldMatch("x-fault", .exact("yes"))], delay: .seconds(1), delayPercent: 30, abortHTTP: 503, abortPercent: 10)
        var delays = 0, aborts = 0
        for _ in 0..<10_000 {
            let fault = rule.fault({ $0 == "x-fault" ? "yes" : nil }) { Double(chance.next(0...99_999)) / 1000 }
            if fault?.delay != nil { delays += 1 }
            if fault?.aborts == true { aborts += 1 }
        }
        #expect((2800...3200).contains(delays) && (850...1150).contains(aborts), "\(delays) \(aborts)")
        #expect(rule.fault({ _ in nil }) { 0 } == nil && rule.fault({ _ in "no" }) { 0 } == nil)
        #expect(FaultPolicy(abortGRPC: 14, abortPercent: 0).fault({ _ in nil }) { 0 } == nil)
    }

    @Test("routes go by fields first, then by weight")
    func routes() {
        var chance = Chance(3)
        let rule = RoutePolicy([
            .init(match: [FieldMatch("x-user", .prefix("test-")), FieldMatch("x-beta", .present)], targets: [.init("beta")]),
            .init(targets: [.init("one", weight: 9), .init("two", weight: 1)]),
        ])
        let fields = ["x-user": "test-7", "x-beta": ""]
        #expect(rule.target({ fields[$0] }) { 0.99 } == "beta")
        var two = 0
        for _ in 0..<10_000 where rule.target({ $0 == "x-user" ? "test-7" : nil }, chance: { Double(chance.next(0...999_999)) / 1_000_000 }) == "two" { two += 1 }
        #expect((850...1150).contains(two), "\(two)")
        #expect(RoutePolicy([.init(match: [FieldMatch("a", .present)], targets: [.init("b")])]).target({ _ in nil }) { 0 } == nil)
    }
}
