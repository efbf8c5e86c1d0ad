import Foundation
import Testing

@Suite(
    "A network that comes apart under load", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"),
    .enabled(if: NetworkSpace.arePossible, "networks of their own need root, and a container that allows them"))
struct PartitionTests {
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
    private func cut(for length: Duration, here: Bool, policy more: String) async throws -> (plain: [String: CallLoad.Calls], governed: [String: CallLoad.Calls]) {
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
        var result: [[String: CallLoad.Calls]] = []
        try await near.caller { plain in
            try await ruled.caller { governed in
                try await Names.known(plain)
                try await Names.known(governed)
                let load = try CallLoad("callee", by: [plain, governed], in: spaces[0])
                try await load.phase("before", .seconds(2))
                try await NetworkSpace.link(spaces, 1, up: false)
                try await load.phase("cut", length)
                try await NetworkSpace.link(spaces, 1, up: true)
                try await load.phase("healing", .seconds(8))
                try await load.phase("after", .seconds(3))
                result = try await load.end()
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
