import Foundation
import Testing

@Suite("Apps call each other by name", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs the SDK"))
struct InvocationTests {
    private func callee(_ id: String, _ wire: String, _ port: Int, _ names: [String]) async throws -> OctavoProcess {
        try await OctavoProcess.start(
            flags: ["--app-id", id, "--app-port", "\(port)", "--app-protocol", wire] + names, environment: ["APP_API_TOKEN": "app-secret"])
    }

    @Test("over HTTP, gRPC and streams, by the SDK and without", arguments: ["http", "grpc"])
    func calls(wire: String) async throws {
        let scratch = try Scratch()
        let names = try Names.own(in: scratch)
        let app = try await Names.app(wire)
        let callee = try await callee("callee", wire, app.port, names)
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names) { caller in
            // The other one says where it is when it is ready.
            try await eventually("the name is known") {
                try await Curl(path: "/v1.0/invoke/callee/method/a").send(to: caller.base).status == 200 ? () : nil
            }
            let end = try await Subprocess.run(
                Places.python, [Places.script("invoke"), wire, "callee"], environment: SDKTests.environment(caller), within: .seconds(120))
            #expect(end.code == 0, "\(end.output)\(end.errors)\n\(callee.process.errors.suffix(2000))")
        }
        try await callee.stop()
        app.process.kill(SIGKILL)
    }

    @Test("who has gone is not asked, and calls of one that is killed go to another while nobody has seen them")
    func instances() async throws {
        let scratch = try Scratch()
        let names = try Names.own(in: scratch)
        let app = try await Names.app("http")
        let one = try await callee("callee", "http", app.port, names)
        let two = try await callee("callee", "http", app.port, names)
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names) { caller in
            func call() async throws -> Int { try await Curl(path: "/v1.0/invoke/callee/method/a").send(to: caller.base).status }
            try await eventually("the name is known") { try await call() == 200 ? () : nil }
            for _ in 0..<20 { #expect(try await call() == 200) }
            // In order: it takes its name back first.
            try await one.stop()
            for _ in 0..<20 { #expect(try await call() == 200) }
            let three = try await callee("callee", "http", app.port, names)
            try await eventually("the third is known") {
                for _ in 0..<4 { #expect(try await call() == 200) }
                return try await three.json("status")["requests"] != nil || true ? () : nil
            }
            try await two.killed()
            for _ in 0..<40 { #expect(try await call() == 200) }
            try await three.stop()
            try await eventually("nobody is left") {
                let answer = try await Curl(path: "/v1.0/invoke/callee/method/a").send(to: caller.base)
                return answer.status == 500 && answer.body.contains("callee") ? answer : nil
            }
        }
        app.process.kill(SIGKILL)
    }

    @Test("instances that are stopped and started one after the other cost no call, whatever its body and however slow its answer")
    func rollingRestart() async throws {
        let scratch = try Scratch()
        let names = try Names.own(in: scratch)
        let app = try await Names.app("http")
        var instances = [try await callee("callee", "http", app.port, names), try await callee("callee", "http", app.port, names)]
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names) { caller in
            try await eventually("the name is known") {
                try await Curl(path: "/v1.0/invoke/callee/method/a").send(to: caller.base).status == 200 ? () : nil
            }
            let load = try Subprocess(Places.python, [Places.script("peer_load"), "\(caller.http)", "callee", scratch.file("stop")])
            for round in 0..<6 {
                let count = load.output.utf8.count
                try await eventually("calls go on", within: .seconds(60)) { load.output.utf8.count > count + 3 ? () : nil }
                try await instances[round % 2].stop()
                instances[round % 2] = try await callee("callee", "http", app.port, names)
            }
            let count = load.output.utf8.count
            try await eventually("calls go on", within: .seconds(60)) { load.output.utf8.count > count + 3 ? () : nil }
            try scratch.write("", to: "stop")
            let end = try await load.ended(within: .seconds(60))
            #expect(end.code == 0, "\(end.output)\(end.errors)")
        }
        for instance in instances { try await instance.stop() }
        app.process.kill(SIGKILL)
    }

    @Test("gRPC calls of an instance that was killed go to another, streams too, while nobody has seen them")
    func killedGRPC() async throws {
        let scratch = try Scratch()
        let names = try Names.own(in: scratch)
        let app = try await Names.app("grpc")
        let instances = [try await callee("callee", "grpc", app.port, names), try await callee("callee", "grpc", app.port, names)]
        try await OctavoProcess.with(flags: ["--app-id", "caller"] + names) { caller in
            let calls = try Subprocess(
                Places.python, [Places.script("grpc_calls"), "\(caller.grpc)", "callee", scratch.file("stop")])
            try await eventually("calls succeed: \(calls.errors)", within: .seconds(30)) { calls.output.utf8.count > 3 ? () : nil }
            // The one that is killed is idle then or not; what it had seen may fail, and nothing else.
            instances[0].process.kill(SIGKILL)
            let count = calls.output.utf8.count
            try await eventually("calls go on", within: .seconds(60)) { calls.output.utf8.count > count + 5 ? () : nil }
            try scratch.write("", to: "stop")
            let end = try await calls.ended(within: .seconds(60))
            #expect(end.code == 0, "\(end.output)\(end.errors)")
        }
        try await instances[1].stop()
        app.process.kill(SIGKILL)
    }

    @Test("an app calls itself, and one that is away is said to be")
    func own() async throws {
        let scratch = try Scratch()
        let app = try await Names.app("http")
        try await OctavoProcess.with(flags: ["--app-port", "\(app.port)"] + Names.own(in: scratch)) { octavo in
            let answer = try await Curl(path: "/v1.0/invoke/demo/method/a").send(to: octavo.base)
            #expect(answer.status == 200 && answer.body.contains(#""dapr-caller-app-id": "demo""#), "\(answer)")
            app.process.kill(SIGKILL)
            _ = try await app.process.ended()
            let refused = try await Curl(path: "/v1.0/invoke/demo/method/a").send(to: octavo.base)
            #expect(refused.status == 500 && refused.body.contains("127.0.0.1:\(app.port)"), "\(refused)")
        }
        try await OctavoProcess.with(flags: Names.own(in: scratch)) { octavo in
            let answer = try await Curl(path: "/v1.0/invoke/demo/method/a").send(to: octavo.base)
            #expect(answer.status == 500 && answer.body.contains("--app-port"), "\(answer)")
        }
    }

    @Test("the port for other runtimes takes no calls for others, and none that do not say for whom", arguments: [
        [], ["dapr-callee-app-id: other"],
    ])
    func strangers(fields: [String]) async throws {
        let scratch = try Scratch()
        try await OctavoProcess.with(flags: Names.own(in: scratch)) { octavo in
            let address = try #require(octavo.addresses["internal"])
            let end = try await Subprocess.run(
                "curl", ["-sS", "-w", "%{http_code}", "http://\(address)/a"] + fields.flatMap { ["-H", $0] })
            #expect(end.output.hasSuffix("400") && end.output.contains("ERR_DIRECT_INVOKE"), "\(end)")
        }
    }
}
