import Foundation
import JSONText
import Testing

/// A plugin in the runtime's own process that takes it down.
@Suite("A plugin that crashes the runtime", .serialized)
struct RecorderTests {
    /// A folder with the plugin that misbehaves on request, and resources with a component of each of its types.
    private struct Setting {
        let scratch: Scratch
        let resources: String

        init(annotation: String? = nil) throws {
            scratch = try Scratch()
            let annotations = annotation.map { ", annotations: {octavo.io/isolation: \($0)}" } ?? ""
            let components = [("sick", ""), ("sick-reactor", "-reactor"), ("sick-blocking", "-blocking")].map { name, suffix in
                """
                apiVersion: dapr.io/v1alpha1
                kind: Component
                metadata: {name: \(name)\(annotations)}
                spec: {type: state.tests-only\(suffix), version: v1, metadata: [{name: keyPrefix, value: none}]}
                """
            }
            resources = try scratch.write(components.joined(separator: "\n---\n"), to: "stores.yaml")
        }

        /// `build` makes one that differs from others.
        func compile(_ build: String = "one", _ flags: [String] = []) async throws {
            let folder = scratch.file("plugins")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let ring = Places.package + "/Sources/COctavoRing"
            let end = try await Subprocess.run(
                "cc",
                [
                    "-std=gnu11", "-shared", "-fPIC", "-g", "-Wl,--build-id", "-DBUILD_\(build)", "-Wl,--defsym=build_\(build)=0",
                    "-I", Places.headers, "-I", ring + "/include",
                    "-o", folder + "/new", Places.package + "/Tests/Fixtures/plugins/tests-only.c", ring + "/channel.c", "-lpthread",
                ] + flags)
            guard end.code == 0 else { throw Trouble("cc: \(end.errors)") }
            guard rename(folder + "/new", folder + "/tests-only.so") == 0 else { throw Trouble("rename") }
        }

        var flags: [String] { ["--plugins-dir", scratch.file("plugins"), "--resources-path", resources] }

        func start(_ more: [String] = [], executable: String = Places.octavo) async throws -> OctavoProcess {
            try await OctavoProcess.start(
                in: scratch, flags: flags + more, environment: ["SWIFT_BACKTRACE": "enable=no"], executable: executable)
        }

        func with<Value>(
            _ more: [String] = [], executable: String = Places.octavo, _ body: (OctavoProcess) async throws -> Value
        ) async throws -> Value {
            try await OctavoProcess.with(
                in: scratch, flags: flags + more, environment: ["SWIFT_BACKTRACE": "enable=no"], executable: executable, body)
        }

        /// Has a runtime die of that key.
        func crash(_ component: String = "sick", _ key: String = "segv", signal: Int32 = SIGSEGV, _ more: [String] = []) async throws {
            let octavo = try await start(more)
            _ = try? await Curl(path: "/v1.0/state/\(component)/\(key)").send(to: octavo.base)
            let end = try await octavo.process.ended()
            #expect(end.code == 128 + signal, "\(end.errors)")
        }
    }

    private func plugin(_ octavo: OctavoProcess) async throws -> JSONValue? {
        try await octavo.json("plugin", "describe", "tests-only")["summary"]
    }

    /// Where a runtime that is started now has the plugin.
    private func isFound(_ mode: String, by setting: Setting) async throws {
        try await setting.with { (octavo: OctavoProcess) async throws -> Void in
            #expect(try await plugin(octavo)?["mode"]?.string == mode)
        }
    }

    private func crashes(_ octavo: OctavoProcess) async throws -> [JSONValue] {
        try await octavo.json("plugin", "crashes")["crashes"]?.array ?? []
    }

    @Test("is named at the next start, runs isolated from then on, and the same request harms nothing else", arguments: [
        ("sick", "segv", SIGSEGV), ("sick", "abort", SIGABRT), ("sick", "double-free", SIGABRT), ("sick", "stack", SIGSEGV),
        ("sick", "fpe", SIGFPE), ("sick", "bus", SIGBUS), ("sick", "ill", SIGILL), ("sick", "thread-segv", SIGSEGV),
        ("sick-reactor", "segv", SIGSEGV), ("sick-reactor", "stack", SIGSEGV), ("sick-blocking", "abort", SIGABRT),
        ("sick-blocking", "stack", SIGSEGV),
    ])
    func isolated(component: String, key: String, signal: Int32) async throws {
        let setting = try Setting()
        try await setting.compile()
        try await setting.crash(component, key, signal: signal)
        try await setting.with { (octavo: OctavoProcess) async throws -> Void in
            let now = try #require(try await plugin(octavo))
            #expect(now["mode"]?.string == "isolated" && (now["processID"]?.integer ?? 0) > 0)
            #expect(now["isolationReason"]?.string?.hasPrefix("crashed the runtime on 2") == true)
            #expect(try await octavo.octavo("plugin", "list").output.contains("crashed the runtime on"))
            let report = try #require(try await crashes(octavo).first)
            #expect(report["plugin"]?.string == "tests-only" && report["inProcess"]?.bool == true)
            #expect(report["signal"]?.integer == Int(signal) && report["version"]?.string == "1.0.0")
            if key != "thread-segv" {
                #expect(report["component"]?.string == component && report["operation"]?.string == "get")
                #expect((report["requestBytes"]?.integer ?? 0) > key.utf8.count)
            }
            let backtrace = report["backtrace"]?.array?.compactMap(\.string) ?? []
            #expect(backtrace.contains { $0.hasPrefix("tests-only.so+0x") }, "\(backtrace)")
            // The handler's own frames are left out.
            #expect(!backtrace.contains { $0.contains(" record+0x") })
            let id = try #require(report["id"]?.string)
            let text = try await octavo.octavo("plugin", "crashes", "show", id)
            #expect(text.code == 0 && text.output.contains("the runtime itself") && text.output.contains("in the runtime's process"))
            #expect(octavo.process.errors.contains("a plugin has crashed the runtime before this one"))

            let answer = try await Curl(path: "/v1.0/state/\(component)/\(key)").send(to: octavo.base)
            #expect(answer.status == 503, "\(answer)")
            let again = try await eventually("the report of the helper") {
                try await crashes(octavo).first { $0["inProcess"] == nil }
            }
            #expect(again["signal"]?.integer == Int(signal))
            try await eventually("another request is answered by the plugin's next process") {
                try await Curl(path: "/v1.0/state/\(component)/echo").send(to: octavo.base).status == 200 ? () : nil
            }
            #expect(octavo.process.code == nil)
        }
    }

    @Test("before it has answered a request: the next start comes up, without it", arguments: ["CONSTRUCTOR", "START", "CREATE"])
    func atStart(place: String) async throws {
        let setting = try Setting()
        try await setting.compile("one", ["-DCRASH_IN_\(place)"])
        let first = try OctavoProcess.launch(in: setting.scratch, flags: setting.flags, environment: ["SWIFT_BACKTRACE": "enable=no"])
        let end = try await first.ended()
        #expect(end.code == 128 + SIGSEGV, "\(end.errors)")
        try await OctavoProcess.with(in: setting.scratch, flags: setting.flags, untilReady: false) { octavo in
            let report = try #require(try await crashes(octavo).first { $0["inProcess"]?.bool == true })
            #expect(report["plugin"]?.string == "tests-only")
            #expect(report["cause"]?.string?.hasSuffix("while the plugin was started, stopped or checked") == true, "\(report)")
            #expect(report["component"]?.string?.hasPrefix("sick") ?? false == (place == "CREATE"))
            try await eventually("the components' failure") {
                let all = try await octavo.json("component", "list")["components"]?.array ?? []
                return all.count == 3 && all.allSatisfy { $0["state"]?.string == "failed" || $0["state"]?.string == "starting" } ? () : nil
            }
            #expect(try await Curl(path: "/v1.0/healthz").send(to: octavo.base).status == 500)
        }
    }

    @Test("stays isolated over restarts, until the operator or another build says otherwise")
    func remembered() async throws {
        let setting = try Setting()
        try await setting.compile()
        try await setting.crash()
        for _ in 0..<2 { try await isFound("isolated", by: setting) }
        // Another build is not what crashed; at a reload, and at a start.
        try await setting.with { (octavo: OctavoProcess) async throws -> Void in
            try await setting.compile("two")
            #expect(try await octavo.octavo("plugin", "reload", "tests-only").code == 0)
            #expect(try await plugin(octavo)?["mode"]?.string == "in process")
        }
        try await isFound("in process", by: setting)
        // The build that did is still known.
        try await setting.compile()
        try await setting.with { (octavo: OctavoProcess) async throws -> Void in
            #expect(try await plugin(octavo)?["mode"]?.string == "isolated")
            #expect(try await octavo.octavo("plugin", "isolate", "tests-only", "off").code == 0)
            #expect(try await plugin(octavo)?["mode"]?.string == "in process")
        }
        try await setting.with { (octavo: OctavoProcess) async throws -> Void in
            #expect(try await plugin(octavo)?["mode"]?.string == "in process")
            #expect(!octavo.process.errors.contains("all the same"))
            #expect(try await octavo.octavo("plugin", "isolate", "tests-only", "default").code == 0)
            #expect(try await plugin(octavo)?["mode"]?.string == "in process")
        }
        // What the operator has said before a crash holds after it, with a warning.
        try await setting.with { (octavo: OctavoProcess) async throws -> Void in
            #expect(try await octavo.octavo("plugin", "isolate", "tests-only", "off").code == 0)
        }
        try await setting.crash()
        try await setting.with { (octavo: OctavoProcess) async throws -> Void in
            #expect(try await plugin(octavo)?["mode"]?.string == "in process")
            #expect(octavo.process.errors.contains("runs in its process all the same"))
        }
    }

    @Test("is reported and stays where it was when that is what the operator wants", arguments: ["flag", "configuration"])
    func off(way: String) async throws {
        let setting = try Setting()
        try await setting.compile()
        let file = try setting.scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata: {name: c}
            spec: {isolation: {onCrash: off}}
            """, to: "config.yaml")
        let off = way == "flag" ? ["--on-crash", "off"] : ["--config", file]
        try await setting.crash("sick", "segv", off)
        try await setting.with(off) { (octavo: OctavoProcess) async throws -> Void in
            #expect(try await plugin(octavo)?["mode"]?.string == "in process")
            #expect(try await crashes(octavo).first?["plugin"]?.string == "tests-only")
            #expect(octavo.process.errors.contains("it is not isolated, because --on-crash or the configuration says off"))
        }
        // It was not remembered either.
        try await isFound("in process", by: setting)
    }

    @Test("stays where the operator has put it by name, with a warning", arguments: ["annotation", "configuration"])
    func explicit(way: String) async throws {
        let setting = try Setting(annotation: way == "annotation" ? "none" : nil)
        try await setting.compile()
        let file = try setting.scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata: {name: c}
            spec: {isolation: {plugins: [{name: tests-only, mode: none}]}}
            """, to: "config.yaml")
        let flags = way == "annotation" ? [] : ["--config", file]
        try await setting.crash("sick", "segv", flags)
        try await setting.with(flags) { (octavo: OctavoProcess) async throws -> Void in
            #expect(try await plugin(octavo)?["mode"]?.string == "in process")
            #expect(octavo.process.errors.contains("runs in its process all the same, because the operator says so"))
        }
    }

    @Test("runs in the runtime's process again when there is no program to isolate it in, and the log says so")
    func noHost() async throws {
        let setting = try Setting()
        try await setting.compile()
        try await setting.crash()
        let alone = setting.scratch.file("octavo")
        // Written by another process: one that this one starts meanwhile would inherit the open file, which can't be run then.
        #expect(try await Subprocess.run("cp", [Places.octavo, alone]).code == 0)
        try await setting.with(executable: alone) { (octavo: OctavoProcess) async throws -> Void in
            #expect(try await plugin(octavo)?["mode"]?.string == "in process")
            #expect(octavo.process.errors.contains("can't be isolated and runs in its process again"))
            #expect(octavo.process.errors.contains("octavo-plugin-host is neither beside the executable"))
        }
    }

    @Test("is not blamed for a signal from outside, nor for an end in order", arguments: [SIGKILL, SIGSEGV, SIGABRT, SIGTERM])
    func innocent(signal: Int32) async throws {
        let setting = try Setting()
        try await setting.compile()
        let octavo = try await setting.start()
        // A call that the plugin has, and a thread that is inside of it.
        let call = Task { try? await Curl(path: "/v1.0/state/sick-blocking/sleep:2000").send(to: octavo.base) }
        try await eventually("a call under way") {
            let sick = try await octavo.json("component", "list")["components"]?.array?.first { $0["name"]?.string == "sick-blocking" }
            return sick?["statistics"]?["open"]?.integer == 1 ? () : nil
        }
        octavo.process.kill(signal)
        let end = try await octavo.process.ended()
        #expect(end.code == (signal == SIGTERM ? 0 : 128 + signal))
        _ = await call.value
        let recorder = setting.scratch.file("data/recorder")
        #expect(try FileManager.default.contentsOfDirectory(atPath: recorder).isEmpty == (signal == SIGTERM))
        try await setting.with { (next: OctavoProcess) async throws -> Void in
            #expect(try await plugin(next)?["mode"]?.string == "in process")
            let all = try await crashes(next)
            if signal == SIGSEGV || signal == SIGABRT {
                #expect(all.count == 1 && all.first?["plugin"]?.string == "octavo")
                #expect(all.first?["cause"]?.string?.hasSuffix(", sent by process \(getpid())") == true, "\(all)")
                #expect(next.process.errors.contains("no plugin is to blame"))
            } else {
                #expect(all.isEmpty)
                #expect(next.process.errors.contains("was ended by force") == (signal == SIGKILL))
            }
            // One file: that of the one that runs.
            #expect(try FileManager.default.contentsOfDirectory(atPath: recorder).count == 1)
        }
    }

    @Test("is named, too, when it ends the process by exit()")
    func exits() async throws {
        let setting = try Setting()
        try await setting.compile()
        let octavo = try await setting.start()
        _ = try? await Curl(path: "/v1.0/state/sick-blocking/exit").send(to: octavo.base)
        #expect(try await octavo.process.ended().code == 3)
        try await setting.with { (next: OctavoProcess) async throws -> Void in
            #expect(try await plugin(next)?["mode"]?.string == "isolated")
            let report = try #require(try await crashes(next).first)
            #expect(report["cause"]?.string == "it ended the process by exit(), in the runtime's process")
            #expect(report["component"]?.string == "sick-blocking" && report["signal"] == nil && report["exitCode"] == nil)
        }
    }

    @Test("keeps nobody from starting with a file that was spoilt")
    func spoilt() async throws {
        let setting = try Setting()
        try await setting.compile()
        try setting.scratch.write("not a recorder's", to: "data/recorder/1-abcdef/record")
        try await setting.with { (octavo: OctavoProcess) async throws -> Void in
            #expect(octavo.process.errors.contains("can't be used and is removed"))
            #expect(try await crashes(octavo).isEmpty)
            #expect(!FileManager.default.fileExists(atPath: setting.scratch.file("data/recorder/1-abcdef")))
        }
    }

    @Test("or only stalls it is named while that lasts")
    func stalls() async throws {
        let setting = try Setting()
        try await setting.compile()
        try await setting.with { (octavo: OctavoProcess) async throws -> Void in
            func sick() async throws -> JSONValue? {
                try await octavo.json("component", "list")["components"]?.array?.first { $0["name"]?.string == "sick-reactor" }
            }
            func metric(_ name: String) async throws -> Bool {
                let page = try await Curl(path: "/metrics").send(to: "http://127.0.0.1:\(octavo.metrics)").body
                return page.contains("\(name){component=\"sick-reactor\",type=\"state.tests-only-reactor\"} 1\n")
            }
            let call = Task { try await Curl(path: "/v1.0/state/sick-reactor/sleep:7000").send(to: octavo.base) }
            let stalled = try await eventually("the stall") {
                let now = try await sick()
                return now?["state"]?.string == "stalled" ? now : nil
            }
            #expect(stalled["reason"]?.string?.contains("plugin tests-only, in get,") == true)
            #expect(try await plugin(octavo)?["state"]?.string == "stalled")
            #expect(try await metric("octavo_component_stalled"))
            #expect(try await metric("octavo_component_stalls_total"))
            #expect(octavo.process.errors.contains("a component has stalled"))
            #expect(try await call.value.status == 200)
            try await eventually("its end") { try await sick()?["state"]?.string == "ready" ? () : nil }
            #expect(try await metric("octavo_component_stalled") == false)
            #expect(try await metric("octavo_component_stalls_total"))
            #expect(octavo.process.errors.contains("has come back"))
            #expect(octavo.process.errors.components(separatedBy: "a component has stalled").count == 2)
        }
    }
}
