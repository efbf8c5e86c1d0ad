import Foundation
import JSONText
import Testing

@Suite("Rate limits of several runtimes together", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs Python"))
struct SharedLimitTests {
    /// Runtimes with one policy, whose limit is counted in the component `limits`.
    private struct Group {
        var runtimes: [OctavoProcess] = []
        let folder: Scratch

        static func with(_ count: Int, _ limits: String, rule: String, _ body: (Group) async throws -> Void) async throws {
            var group = Group(folder: try Scratch())
            try group.folder.write(limits + "---\n" + Resource.component("store", "state.in-memory"), to: "resources/all.yaml")
            try group.write(rule)
            for number in 0..<count {
                group.runtimes.append(
                    try await OctavoProcess.start(flags: ["--app-id", "app\(number)", "--resources-path", group.folder.file("resources")]))
            }
            do {
                try await body(group)
                for one in group.runtimes { try await one.stop() }
            } catch {
                for one in group.runtimes { one.process.kill(SIGKILL) }
                throw Trouble("\(error)\n" + group.runtimes.map { $0.process.errors.suffix(2000) }.joined(separator: "\n---\n"))
            }
        }

        func write(_ rule: String) throws {
            try folder.write(
                """
                apiVersion: dapr.io/v1alpha1
                kind: Resiliency
                metadata: {name: rules}
                spec:
                  policies: {rateLimits: {together: \(rule)}}
                  targets: {components: {store: {outbound: {rateLimit: together}}}}

                """, to: "resources/rules.yaml")
        }

        struct Load {
            var seconds = 0.0
            var admitted: [Int] = []
            var refused = 0
            var others = 0
            /// Seconds.
            var longest = 0.0

            var all: Int { admitted.reduce(0, +) }
        }

        private func number(_ value: JSONValue?) -> Double { if case .number(let text) = value { Double(text) ?? 0 } else { 0 } }

        /// As many calls as they answer.
        func load(_ seconds: Double, connections: Int = 3) async throws -> Load {
            let end = try await Subprocess.run(
                Places.python, [Places.script("limited"), "\(seconds)", "\(connections)", "store"] + runtimes.map { "\($0.http)" },
                within: .seconds(120))
            guard end.code == 0, let found = try? JSONValue(parsing: end.output) else { throw Trouble(end.errors) }
            var load = Load(seconds: number(found["seconds"]))
            for port in found["ports"]?.array ?? [] {
                var admitted = 0
                for (status, count) in port["statuses"]?.members ?? [] {
                    switch status {
                    case "200", "204": admitted += count.integer ?? 0
                    case "429": load.refused += count.integer ?? 0
                    default: load.others += count.integer ?? 0
                    }
                }
                load.admitted.append(admitted)
                load.longest = max(load.longest, number(port["longest"]))
            }
            return load
        }

        /// Offered far more than the limit, all together admit the limit, and one burst at most.
        func keepTheLimit(_ limit: Int, _ seconds: Double = 5, after what: String) async throws {
            let load = try await load(seconds)
            print(
                "\(runtimes.count) runtimes, \(limit)/s, \(what): of \(load.all + load.refused) calls in \(load.seconds.rounded()) s \(load.all) admitted "
                    + "(\(load.admitted)), \(Double(load.all) / load.seconds / Double(limit)) of the limit; the longest took \(load.longest) s")
            #expect(Double(load.all) <= Double(limit) * (load.seconds + 1) && load.others == 0, "\(load)")
            #expect(Double(load.all) >= 0.9 * Double(limit) * seconds, "\(load)")
            #expect(load.all + load.refused > 2 * load.all && load.admitted.allSatisfy { $0 > 0 }, "\(load)")
        }

        func metric(_ name: String, _ index: Int = 0) async throws -> Double? {
            let page = try await Curl(path: "/").send(to: "http://127.0.0.1:\(runtimes[index].metrics)").body
            return page.split(separator: "\n").first { $0.hasPrefix(name + "{") }?.split(separator: " ").last.flatMap { Double($0) }
        }
    }

    private func redis(_ server: RedisServer) -> String { Resource.component("limits", "state.redis", [("redisHost", "127.0.0.1:\(server.port)")]) }

    @Test("the sum over two and three runtimes with one Redis keeps the limit", arguments: [(2, 200), (3, 200), (3, 5)])
    func sum(_ runtimes: Int, _ limit: Int) async throws {
        let server = try await RedisServer.start()
        try await Group.with(runtimes, redis(server), rule: "{requests: \(limit), store: limits}") { group in
            try await group.keepTheLimit(limit, after: "Redis")
            let questions = try #require(try await group.metric("octavo_policy_reservations_total"))
            print("the first has asked Redis \(questions) times")
            #expect(questions < 55 * 8)
        }
        try await server.killed()
    }

    @Test("two runtimes with one file of state.sqlite keep the limit as well")
    func file() async throws {
        let scratch = try Scratch()
        let file = Resource.component("limits", "state.sqlite", [("connectionString", scratch.file("limits.db"))])
        try await Group.with(2, file, rule: "{requests: 100, store: limits}") { try await $0.keepTheLimit(100, after: "SQLite") }
    }

    @Test("while Redis is away each runtime has the limit for itself, and no call hangs; when it is back they share it again")
    func away() async throws {
        var server = try await RedisServer.start()
        try await Group.with(2, redis(server), rule: "{requests: 50, store: limits}") { group in
            try await group.keepTheLimit(50, 3, after: "before")
            try await server.killed()
            let load = try await group.load(4)
            print("without Redis: \(load)")
            #expect(load.others == 0 && load.longest < 3, "\(load)")
            // Some 50 in a second for each, the burst of each included.
            for one in load.admitted { #expect(one >= 150 && Double(one) <= 50 * (load.seconds + 1), "\(load)") }
            for index in 0..<2 {
                #expect(try await group.metric("octavo_policy_store_away", index) == 1)
                let errors = group.runtimes[index].process.errors
                let said = errors.split(separator: "\n").filter { $0.contains("a rate limit can't be shared") }
                #expect(said.count == 1 && said[0].contains("store=limits") && said[0].contains("policy=together"), "\(errors)")
            }
            server = try await RedisServer.start(port: server.port)
            try await eventually("they share again", within: .seconds(40)) { () -> Void? in
                // It is a call that has the store asked.
                _ = try await group.load(0.1, connections: 1)
                for index in 0..<2 { guard try await group.metric("octavo_policy_store_away", index) == 0 else { return nil } }
                return ()
            }
            try await group.keepTheLimit(50, 3, after: "after")
        }
        try await server.killed()
    }

    @Test("calls that wait for a Redis that does not answer go on after half a second by the limit of their runtime")
    func frozen() async throws {
        let server = try await RedisServer.start()
        try await Group.with(1, redis(server), rule: "{requests: 100, store: limits}") { group in
            try await group.keepTheLimit(100, 2, after: "before")
            server.signal(SIGSTOP)
            let load = try await group.load(3)
            print("frozen: \(load)")
            #expect(load.others == 0 && load.longest < 2 && load.longest > 0.2 && load.all >= 150, "\(load)")
            #expect(try await group.metric("octavo_policy_store_away") == 1)
            let list = try await group.runtimes[0].octavo("policy", "list").output
            #expect(list.contains("rateLimit (limits is away)"), "\(list)")
            server.signal(SIGCONT)
            try await eventually("it is shared again", within: .seconds(40)) { () -> Void? in
                _ = try await group.load(0.1, connections: 1)
                return try await group.metric("octavo_policy_store_away") == 0 ? () : nil
            }
        }
        try await server.killed()
    }

    @Test("two runtimes that call an app have its limit together, to the call")
    func app() async throws {
        let server = try await RedisServer.start(), fleet = try Fleet()
        try await fleet.app("shop")
        let rules = "  policies: {rateLimits: {few: {requests: 7, interval: 1h, store: limits}}}\n  targets: {apps: {shop: {rateLimit: few}}}"
        for id in ["one", "two"] { try fleet.scratch.write(redis(server), to: "\(id)/limits.yaml") }
        let callers = [try await fleet.caller("one", rules), try await fleet.caller("two", rules)]
        let known = Curl(path: "/v1.0/invoke/shop/method/a")
        var statuses: [Int] = []
        // An app that is not known yet costs no less.
        try await eventually("the app is known", within: .seconds(30)) {
            statuses.append(try await known.send(to: callers[statuses.count % 2].base).status)
            return statuses.count == 7 ? () : nil
        }
        for caller in callers {
            let sent = try await Fleet.send(20, to: "shop", by: caller)
            #expect(sent == [429: 20], "\(sent)")
        }
        #expect(statuses.count { $0 != 429 } == 7, "\(statuses)")
        try await server.killed()
        withExtendedLifetime(fleet) {}
    }

    @Test("a store that can't have the count is named in the log, and the limit is shared as soon as the resource names one that can")
    func wrongStore() async throws {
        let server = try await RedisServer.start()
        let components = redis(server) + "---\n" + Resource.component("topics", "pubsub.in-memory")
        try await Group.with(1, components, rule: "{requests: 5, interval: 1h, store: nowhere, withoutStore: refuse}") { group in
            let octavo = group.runtimes[0], get = Curl(path: "/v1.0/state/store/a")
            #expect(octavo.process.errors.contains("rateLimits.together.store names the component nowhere, which is none of this app's components"))
            #expect(try await get.send(to: octavo.base).status == 429)
            try await eventually("the log names it: \(octavo.process.errors)") {
                octavo.process.errors.contains("there is no component nowhere") ? () : nil
            }
            try group.write("{requests: 5, interval: 1h, store: topics, withoutStore: allow}")
            try await eventually("the change is taken in", within: .seconds(20)) {
                let status = try await get.send(to: octavo.base).status
                return status == 204 && octavo.process.errors.contains("names the component topics, which is pubsub.in-memory and no state store")
                    ? () : nil
            }
            try group.write("{requests: 5, interval: 1h, store: limits}")
            try await eventually("the limit holds", within: .seconds(20)) { try await get.send(to: octavo.base).status == 429 ? () : nil }
            #expect(try await group.metric("octavo_policy_store_away") == 0)
            let text = try await octavo.octavo("policy", "explain", "component/store").output
            #expect(text.contains("limits, the sum over all runtimes counts") && text.contains("local, each runtime"), "\(text)")
            // The count is where it was said to be, for others, with an end.
            let keys = try await Subprocess.run("redis-cli", ["-p", "\(server.port)", "ttl", "octavo-rate-limit||together||component/store/outbound"])
            #expect((Int(keys.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0) > 3600 / 2, "\(keys)")
            try group.write("{requests: 5, store: limits, withoutStore: maybe}")
            try await eventually("a wrong word is told", within: .seconds(20)) {
                octavo.process.errors.contains(#"withoutStore is \"maybe\""#) || octavo.process.errors.contains(#"withoutStore is "maybe""#) ? () : nil
            }
        }
        try await server.killed()
    }
}
