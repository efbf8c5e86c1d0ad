import Foundation
import Testing

@Suite(
    "nameresolution.mdns", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"),
    .enabled(if: NetworkSpace.arePossible, "networks of their own need root, and a container that allows them"))
struct MulticastNamesTests {
    private let settings = ["refreshInterval: 1s"]

    /// What a runtime is told so that others reach it from another machine.
    private func reachable(_ space: NetworkSpace) -> (flags: [String], environment: [String: String]) {
        (["--dapr-internal-grpc-listen-address", space.address], ["DAPR_HOST_IP": space.address])
    }

    private func peer(_ space: NetworkSpace, _ words: String...) throws -> Subprocess {
        var all = words
        all.insert(space.address, at: 1)
        return try Subprocess(NetworkSpace.ip, space.words([Places.python, Places.script("mdns_peer")] + all))
    }

    @Test("runtimes of one machine find each other by the loopback interface, and not those that have gone", arguments: StoresTests.modes)
    func oneMachine(modes: [String]) async throws {
        let spaces = try await NetworkSpace.connected(1)
        try await Names("mdns", settings, modes: modes, in: spaces[0]).comeAndGo()
    }

    @Test("runtimes of two machines find each other; who only listens on the loopback interface is not told of elsewhere")
    func twoMachines() async throws {
        let spaces = try await NetworkSpace.connected(2)
        let here = try await Names("mdns", settings, in: spaces[0]), there = try await Names("mdns", settings, in: spaces[1])
        let hidden = try await there.callee("hidden")
        try await here.caller { caller in
            try await Names.unknown(caller)
            let one = try await there.callee(flags: reachable(spaces[1]).flags, environment: reachable(spaces[1]).environment)
            try await Names.known(caller)
            let two = try await here.callee(flags: reachable(spaces[0]).flags, environment: reachable(spaces[0]).environment)
            #expect(try await Names.failures(caller, of: 20) == 0)
            try await there.caller { other in
                try await Names.known(other)
                try await Names.known(other, "hidden")
            }
            try await Names.unknown(caller, "hidden")
            try await one.killed()
            #expect(try await Names.failures(caller, of: 40) == 0)
            try await two.stop()
            try await Names.unknown(caller)
        }
        try await hidden.stop()
    }

    @Test("where there is IPv6 alone it goes by ff02::fb")
    func six() async throws {
        let spaces = try await NetworkSpace.connected(2, six: true)
        let here = try await Names("mdns", settings, in: spaces[0]), there = try await Names("mdns", settings, in: spaces[1])
        let callee = try await there.callee(flags: reachable(spaces[1]).flags, environment: reachable(spaces[1]).environment)
        try await here.caller { caller in
            try await Names.known(caller)
            #expect(try await Names.failures(caller, of: 10) == 0)
            try await callee.stop()
            try await Names.unknown(caller)
        }
    }

    @Test("another implementation finds runtimes by Dapr's names, hears when they go, and is found")
    func zeroconf() async throws {
        let spaces = try await NetworkSpace.connected(2)
        let here = try await Names("mdns", settings, in: spaces[0])
        let browser = try peer(spaces[1], "browse", "callee")
        let callee = try await here.callee(
            flags: reachable(spaces[0]).flags, environment: reachable(spaces[0]).environment.merging(["NAMESPACE": "blue"]) { $1 })
        let line = "+ 10.77.0.1:\(callee.internalPort) b'\\x06callee\\x0enamespace=blue'"
        try await eventually("\(line) in \(browser.output)\(browser.errors)", within: .seconds(30)) {
            browser.output.contains(line) ? () : nil
        }
        // The other one says that it is at the callee's port, which is at another address: by its answer it is known.
        let registered = try peer(spaces[1], "register", "stranger", "7")
        try await eventually("registered: \(registered.errors)", within: .seconds(30)) { registered.output.contains("registered") ? () : nil }
        try await here.caller { caller in
            try await Names.known(caller, "callee.blue")
            try await Names.unknown(caller, "callee.green")
            let answer = try await Names.call(caller, "stranger")
            #expect(answer.status == 500 && answer.body.contains("10.77.0.2:7"), "\(answer)")
            registered.kill(SIGTERM)
            _ = try await registered.ended()
            try await Names.unknown(caller, "stranger")
        }
        try await callee.stop()
        try await eventually("the goodbye in \(browser.output)\(browser.errors)", within: .seconds(30)) {
            browser.output.contains("- 10.77.0.1:\(callee.internalPort)") ? () : nil
        }
        browser.kill(SIGTERM)
        _ = try await browser.ended()
    }

    @Test("broken packets are passed over", arguments: StoresTests.modes)
    func attack(modes: [String]) async throws {
        let spaces = try await NetworkSpace.connected(2)
        let here = try await Names("mdns", settings, modes: modes, in: spaces[0])
        let callee = try await here.callee(flags: reachable(spaces[0]).flags, environment: reachable(spaces[0]).environment)
        try await here.caller { caller in
            try await Names.known(caller)
            for _ in 0..<3 {
                let attacker = try peer(spaces[1], "attack", "callee", "20000")
                // Packets about an app that is looked for are looked into further.
                _ = try await Names.call(caller, "xxxxxx")
                let end = try await attacker.ended(within: .seconds(60))
                #expect(end.code == 0 && end.output.contains("sent"), "\(end)")
                #expect(try await Names.failures(caller, of: 5) == 0)
            }
            try await callee.killed()
            try await Names.unknown(caller)
            let again = try await here.callee(flags: reachable(spaces[0]).flags, environment: reachable(spaces[0]).environment)
            try await Names.known(caller)
            try await again.stop()
        }
    }
}
