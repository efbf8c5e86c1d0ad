import Foundation
import Testing

@Suite("The end of a runtime under calls of its app", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct ShutdownTests {
    /// Where the names are.
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func names() async throws -> Names {
        try await Names("sqlite", ["connectionString: \(scratch.file("names.db"))", "updateInterval: 1s"])
    }

    /// A runtime that starts the app itself; the shell's words come before the app.
    private func callee(_ names: Names, flags: [String] = [], shell: String = "") async throws -> OctavoProcess {
        let port = try FreePort.find()
        let command = ["sh", "-c", "\(shell) exec '\(Places.python)' '\(Places.script("invoked_app"))' http \(port)"]
        return try await OctavoProcess.start(
            flags: ["--app-id", "callee", "--app-port", "\(port)", "--app-protocol", "http"] + names.flags + flags, command: command)
    }

    private func ready(_ octavo: OctavoProcess) async throws -> Int { try await Curl(path: "/v1.0/healthz").send(to: octavo.base).status }

    /// Every event loop of the caller knows the app.
    private func known(_ caller: OctavoProcess) async throws {
        try await eventually("the app is known", within: .seconds(40)) { () -> Void? in
            for _ in 0..<8 { if try await Names.call(caller).status != 200 { return nil } }
            return ()
        }
    }

    @Test("an app that the runtime tells to end has answered every call before, and one that starts gets calls once it listens")
    func command() async throws {
        let names = try await names()
        try await names.caller { caller in
            var instances = [try await callee(names), try await callee(names)]
            try await known(caller)
            let load = try CallLoad("callee", by: [caller])
            for round in 0..<4 {
                try await load.phase("running \(round)", .seconds(1))
                try await load.phase("stopping \(round)") {
                    let one = instances[round % 2]
                    one.process.kill(SIGTERM)
                    let end = try await one.process.ended(within: .seconds(20))
                    #expect(end.code == 128 + SIGTERM, "\(end.errors.suffix(2000))")
                }
                // Otherwise the next one would be the last. Its app takes its time.
                try await load.phase("starting \(round)") {
                    instances[round % 2] = try await callee(names, shell: "sleep 1;")
                    try await Task.sleep(for: .seconds(3))
                }
            }
            for (phase, calls) in try await load.end()[0] { #expect(calls.failures == 0 && calls.count > 0, "\(phase): \(calls)") }
            for one in instances { one.process.kill(SIGKILL) }
        }
    }

    @Test("a call that is under way is answered whole, and says that its connection ends")
    func underWay() async throws {
        let names = try await names(), callee = try await names.callee()
        try await names.caller { caller in
            try await known(caller)
            async let byPeer = Curl(path: "/v1.0/invoke/callee/method/slow/2").send(to: caller.base)
            // Peers are done with before the API is: the app may need it for them.
            async let own = Curl(path: "/v1.0/invoke/callee/method/slow/4").send(to: callee.base)
            try await eventually("both are under way") {
                let page = try await Curl(path: "/").send(to: "http://127.0.0.1:\(callee.metrics)").body
                return page.contains("octavo_") ? () : nil
            }
            try await Task.sleep(for: .milliseconds(700))
            let start = ContinuousClock.now
            try await callee.stop()
            #expect(ContinuousClock.now - start > .seconds(1))
            let (first, second) = try await (byPeer, own)
            #expect(first.status == 200 && second.status == 200, "\(first) \(second)")
            #expect(second.headers["connection"] == "close", "\(second)")
        }
    }

    @Test("a blocked end begins with everything as it was but readiness, and lasts as long as it is said to")
    func block() async throws {
        let names = try await names()
        let callee = try await names.callee(flags: ["--dapr-block-shutdown-duration", "5s"])
        try await names.caller { caller in
            try await known(caller)
            let load = try CallLoad("callee", by: [caller])
            try await load.phase("before", .seconds(1))
            #expect(try await ready(callee) == 204)
            let start = ContinuousClock.now
            callee.process.kill(SIGTERM)
            try await eventually("it is not ready any more") { try await ready(callee) == 500 ? () : nil }
            try await load.phase("blocked", .seconds(3))
            #expect(callee.process.code == nil)
            // What the app asks of its runtime goes on as well.
            #expect(try await Names.call(callee).status == 200)
            let calls = try await load.end()[0]
            let end = try await callee.process.ended(within: .seconds(20))
            #expect(end.code == 0 && ContinuousClock.now - start >= .seconds(5), "\(end.errors.suffix(2000))")
            for phase in ["before", "blocked"] { #expect(calls[phase]?.failures == 0 && (calls[phase]?.count ?? 0) > 20, "\(calls)") }
        }
    }

    @Test("a blocked end is over when the app becomes unhealthy, and another instance takes its calls")
    func unhealthy() async throws {
        let names = try await names()
        let flags = [
            "--dapr-block-shutdown-duration", "2m", "--enable-app-health-check", "--app-health-check-path", "/healthz",
            "--app-health-probe-interval", "1", "--app-health-threshold", "1",
        ]
        let ending = try await names.callee(flags: flags), other = try await callee(names)
        try await names.caller { caller in
            try await known(caller)
            let load = try CallLoad("callee", by: [caller])
            try await load.phase("before", .seconds(3))
            ending.process.kill(SIGTERM)
            try await load.phase("blocked", .seconds(2))
            #expect(ending.process.code == nil)
            try await load.phase("unhealthy") {
                #expect(try await Curl(method: "POST", path: "/unhealthy").send(to: "http://127.0.0.1:\(names.port)").status == 200)
                let end = try await ending.process.ended(within: .seconds(30))
                #expect(end.code == 0, "\(end.errors.suffix(2000))")
            }
            try await load.phase("after", .seconds(1))
            for (phase, calls) in try await load.end()[0] {
                print("\(phase): \(calls)")
                #expect(calls.failures == 0 && calls.count > 0, "\(phase): \(calls)")
            }
        }
        other.process.kill(SIGKILL)
    }

    @Test("an app that the runtime has started may go on for the blocked time, has its calls answered then, and is killed after the grace")
    func blockedCommand() async throws {
        let names = try await names()
        let callee = try await callee(
            names, flags: ["--dapr-block-shutdown-duration", "4s", "--dapr-graceful-shutdown-seconds", "1"], shell: "trap '' TERM;")
        try await names.caller { caller in
            try await known(caller)
            let load = try CallLoad("callee", by: [caller])
            try await load.phase("before", .seconds(1))
            let start = ContinuousClock.now
            callee.process.kill(SIGTERM)
            try await load.phase("blocked", .seconds(3))
            let calls = try await load.end()[0]
            let end = try await callee.process.ended(within: .seconds(30))
            #expect(end.code == 128 + SIGKILL && ContinuousClock.now - start >= .seconds(5), "\(end.errors.suffix(2000))")
            for phase in ["before", "blocked"] { #expect(calls[phase]?.failures == 0 && (calls[phase]?.count ?? 0) > 20, "\(calls)") }
        }
        // One that ends is not waited for.
        let short = try await self.callee(names, flags: ["--dapr-block-shutdown-duration", "2m"])
        short.process.kill(SIGTERM)
        #expect(try await short.process.ended(within: .seconds(20)).code == 128 + SIGTERM)
    }
}
