import Foundation
import JSONText
import Testing

@Suite(
    "A network that comes apart under load", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"),
    .enabled(if: NetworkSpace.arePossible, "networks of their own need root, and a container that allows them"))
struct PartitionTests {
    /// What became of the calls of one runtime in one phase.
    private struct Calls: CustomStringConvertible {
        var count = 0
        var failed: [String: Int] = [:]
        /// Seconds.
        var longest = 0.0
        var texts: [String: String] = [:]

        var failures: Int { failed.values.reduce(0, +) }
        var description: String { "\(failures) of \(count) failed \(failed), the longest took \(longest) s \(texts)" }
    }

    private static func rules(_ more: String) -> String {
        """
        apiVersion: dapr.io/v1alpha1
        kind: Resiliency
        metadata: {name: rules}
        spec:
          policies:
            timeouts: {short: 500ms}
            retries: {again: {duration: 10ms, maxRetries: 2}}
            outlierEjections: {out: {consecutiveFailures: 2, ejectionTime: 5s}}
          targets:
            apps: {callee: {timeout: short\(more)}}

        """
    }

    /// A callee on the other side, and maybe one here; calls here, by a runtime without a policy and by one with; the link goes away under
    /// them and comes back.
    private func cut(for length: Duration, here: Bool, policy more: String) async throws -> (plain: [String: Calls], governed: [String: Calls]) {
        let spaces = try await NetworkSpace.connected(2), scratch = try Scratch()
        let settings = ["connectionString: \(scratch.file("names.db"))"]
        func reachable(_ space: NetworkSpace) -> (flags: [String], environment: [String: String]) {
            (["--dapr-internal-grpc-listen-address", space.address], ["DAPR_HOST_IP": space.address])
        }
        let near = try await Names("sqlite", settings, in: spaces[0]), far = try await Names("sqlite", settings, in: spaces[1])
        var callees = [try await far.callee(flags: reachable(spaces[1]).flags, environment: reachable(spaces[1]).environment)]
        if here { callees.append(try await near.callee(flags: reachable(spaces[0]).flags, environment: reachable(spaces[0]).environment)) }
        try scratch.write(Self.rules(more), to: "rules/rules.yaml")
        let ruled = try await Names("sqlite", settings, modes: ["--resources-path", scratch.file("rules")], in: spaces[0])
        var result: [[String: Calls]] = []
        try await near.caller { plain in
            try await ruled.caller { governed in
                try await Names.known(plain)
                try await Names.known(governed)
                try scratch.write("before", to: "phase")
                let load = try Subprocess(
                    NetworkSpace.ip,
                    spaces[0].words([
                        Places.python, Places.script("partition_load"), "callee", scratch.file("phase"), "\(plain.http)", "\(governed.http)",
                    ]))
                defer { load.kill(SIGKILL) }
                func phase(_ name: String, _ length: Duration) async throws {
                    try scratch.write(name, to: "next")
                    rename(scratch.file("next"), scratch.file("phase"))
                    try await Task.sleep(for: length)
                }
                try await phase("before", .seconds(2))
                try await NetworkSpace.link(spaces, 1, up: false)
                try await phase("cut", length)
                try await NetworkSpace.link(spaces, 1, up: true)
                try await phase("healing", .seconds(8))
                try await phase("after", .seconds(3))
                try await phase("end", .zero)
                let end = try await load.ended(within: .seconds(30))
                guard let found = try? JSONValue(parsing: end.output) else { throw Trouble(end.errors) }
                for runtime in [plain, governed] {
                    var phases: [String: Calls] = [:]
                    for (name, one) in found["\(runtime.http)"]?.members ?? [] {
                        var calls = Calls(count: one["calls"]?.integer ?? 0)
                        if case .number(let text) = one["longest"] { calls.longest = Double(text) ?? 0 }
                        for (status, count) in one["failed"]?.members ?? [] { calls.failed[status] = count.integer }
                        for (status, text) in one["texts"]?.members ?? [] { calls.texts[status] = text.string }
                        phases[name] = calls
                    }
                    result.append(phases)
                }
            }
        }
        for one in callees { try await one.stop() }
        for (name, phases) in zip(["without", "with"], result) {
            for phase in ["before", "cut", "healing", "after"] { print("\(name) a policy, \(phase): \(phases[phase].map(String.init(describing:)) ?? "no call")") }
        }
        return (result[0], result[1])
    }

    @Test("calls of an app on the other side fail within the policy's timeout and say why, and come through when the link is back")
    func alone() async throws {
        // Longer than the pause of the kernel's repetitions is bearable.
        let (plain, governed) = try await cut(for: .seconds(27), here: false, policy: "")
        for calls in [plain, governed] {
            #expect(calls["before"]?.failures == 0 && (calls["before"]?.count ?? 0) > 20)
            #expect(calls["after"]?.failures == 0 && (calls["after"]?.count ?? 0) > 20)
        }
        let cut = try #require(governed["cut"])
        #expect(cut.failures > 20 && cut.longest < 2, "\(cut)")
        // Of the four that were under way the answer may have begun already, and breaks off. When the connection has been given up, another
        // one can't be made.
        #expect(cut.failed["0"] ?? 0 <= 4, "\(cut)")
        #expect(cut.failed["504"] ?? 0 > 20 && cut.texts["504"]?.contains("app callee did not answer in time") == true, "\(cut)")
    }

    @Test("another instance on this side takes over without a failed call where a policy says so")
    func takeover() async throws {
        let (plain, governed) = try await cut(for: .seconds(10), here: true, policy: ", retry: again, outlierEjection: out")
        for phase in ["before", "cut", "healing", "after"] {
            let calls = try #require(governed[phase])
            #expect(calls.failures == 0 && calls.count > 20, "\(phase): \(calls)")
        }
        #expect(plain["after"]?.failures == 0)
    }
}
