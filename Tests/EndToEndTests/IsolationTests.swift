import Foundation
import JSONText
import Testing

@Suite("An isolated plugin that dies under load", .serialized)
struct IsolationTests {
    @Test("costs nobody else anything, loses no acknowledged write, and leaves no call without an answer", arguments: [0, 1])
    func storm(spares: Int) async throws {
        let scratch = try Scratch()
        let report = scratch.file("storm.json")
        let storm = try await Subprocess.run(
            "python3", [
                Places.package + "/tools/crash-storm", "--crashes", "15", "--rate", "1500", "--spares", "\(spares)", "--octavo", Places.octavo, "--json", report,
            ], environment: ["PYTHONDONTWRITEBYTECODE": "1"], within: .seconds(120))
        #expect(storm.code == 0, "\(storm.output)\(storm.errors)")
        let figures = try JSONValue(parsing: scratch.read("storm.json"))
        #expect(figures["crashes"]?.integer == 15)
        #expect(figures["bystander_errors"]?.integer == 0)
        #expect(figures["calls_without_an_answer"]?.integer == 0)
        #expect(figures["acknowledged_writes_lost"]?.array?.isEmpty == true)
        #expect((figures["acknowledged_writes"]?.integer ?? 0) > 20)
    }

    @Test("or that is reloaded under load: not one request fails")
    func reloads() async throws {
        let scratch = try Scratch()
        let report = scratch.file("storm.json")
        let storm = try await Subprocess.run(
            "python3", [
                Places.package + "/tools/crash-storm", "--reloads", "6", "--rate", "1500", "--octavo", Places.octavo, "--json", report,
            ], environment: ["PYTHONDONTWRITEBYTECODE": "1"], within: .seconds(120))
        #expect(storm.code == 0, "\(storm.output)\(storm.errors)")
        let figures = try JSONValue(parsing: scratch.read("storm.json"))
        #expect(figures["reloads"]?.integer == 6 && (figures["calls"]?.integer ?? 0) > 1000)
    }

    @Test("leaves a report that names what it died of, which a restart of the runtime does not lose")
    func reports() async throws {
        let scratch = try Scratch()
        let report = try await OctavoProcess.with(in: scratch, flags: ["--isolate", "sqlite"]) { octavo in
            let before = try await octavo.json("plugin", "describe", "sqlite")["summary"]?["processID"]?.integer ?? 0
            #expect(kill(pid_t(before), SIGSEGV) == 0)
            let list = try await eventually("a report") {
                let list = try await octavo.json("plugin", "crashes")["crashes"]?.array ?? []
                return list.isEmpty ? nil : list
            }
            let one = try #require(list.first)
            #expect(one["plugin"]?.string == "sqlite" && one["signal"]?.integer == Int(SIGSEGV))
            #expect(one["processID"]?.integer == before)
            #expect((one["backtrace"]?.array?.count ?? 0) > 2)
            let id = try #require(one["id"]?.string)
            let text = try await octavo.octavo("plugin", "crashes", id)
            #expect(text.code == 0 && text.output.contains("SIGSEGV") && text.output.contains("+0x"))
            #expect(try await octavo.octavo("plugin", "crashes", "nope").code == 1)
            try await eventually("the next process") {
                let pid = try await octavo.json("plugin", "describe", "sqlite")["summary"]?["processID"]?.integer ?? 0
                return pid != 0 && pid != before ? () : nil
            }
            #expect(try await octavo.octavo("plugin", "restart", "sqlite").code == 0)
            let refused = try await octavo.octavo("plugin", "restart", "memory")
            #expect(refused.code == 1 && refused.errors.contains("octavo plugin reload memory"))
            #expect(try await octavo.octavo("state", "set", "statestore", "a", "1").code == 0)
            return id
        }
        try await OctavoProcess.with(in: scratch) { octavo in
            let list = try await octavo.json("plugin", "crashes")["crashes"]?.array ?? []
            #expect(list.contains { $0["id"]?.string == report })
        }
    }

    @Test("is not thought to hang because the whole machine stood still")
    func standstill() async throws {
        let scratch = try Scratch()
        try await OctavoProcess.with(in: scratch, flags: ["--isolate", "sqlite"]) { octavo in
            #expect(try await octavo.octavo("state", "set", "statestore", "a", "1").code == 0)
            let pid = pid_t(try await octavo.json("plugin", "describe", "sqlite")["summary"]?["processID"]?.integer ?? 0)
            #expect(kill(pid, SIGSTOP) == 0)
            let call = try Subprocess("curl", ["-s", octavo.base + "/v1.0/state/statestore/a"])
            try await eventually("the call comes") {
                try await octavo.json("status")["openConnections"]?.integer == 1 ? () : nil
            }
            // Time has to pass: for the call to be handed over, and then longer than a helper may be silent.
            try await Task.sleep(for: .milliseconds(500))
            octavo.process.kill(SIGSTOP)
            try await Task.sleep(for: .seconds(3))
            octavo.process.kill(SIGCONT)
            // The runtime looks first, several times.
            try await Task.sleep(for: .milliseconds(500))
            #expect(kill(pid, SIGCONT) == 0)
            #expect(try await call.ended().output == "1")
            #expect(try await octavo.json("plugin", "describe", "sqlite")["summary"]?["processID"]?.integer == Int(pid))
            #expect(try await octavo.json("plugin", "crashes")["crashes"]?.array?.isEmpty == true)
        }
    }

    @Test("moves into a process of its own and back while it runs, and stays there over a restart")
    func moves() async throws {
        let scratch = try Scratch()
        func mode(_ octavo: OctavoProcess) async throws -> String? {
            try await octavo.json("plugin", "describe", "sqlite")["summary"]?["mode"]?.string
        }
        try await OctavoProcess.with(in: scratch) { octavo in
            #expect(try await octavo.octavo("state", "set", "statestore", "a", "1").code == 0)
            #expect(try await mode(octavo) == "in process")
            let moved = try await octavo.octavo("plugin", "isolate", "sqlite")
            #expect(moved.code == 0 && moved.output.contains("Isolated sqlite"), "\(moved.output)\(moved.errors)")
            #expect(try await mode(octavo) == "isolated")
            #expect(try await octavo.octavo("state", "get", "statestore", "a").output.contains("1"))
            let again = try await octavo.octavo("plugin", "isolate", "sqlite", "on")
            #expect(again.code == 0 && again.output.contains("it runs there already"))
            #expect(try await octavo.octavo("plugin", "isolate", "sqlite", "off").code == 0)
            #expect(try await mode(octavo) == "in process")
            #expect(try await octavo.octavo("plugin", "isolate", "sqlite", "elsewhere").code == 2)
            #expect(try await octavo.octavo("plugin", "isolate", "nothing").code == 1)
            #expect(try await octavo.octavo("plugin", "isolate", "sqlite").code == 0)
            let top = try await octavo.octavo("plugin", "top", "--once", "--interval", "100ms")
            #expect(top.code == 0 && top.output.contains("CALLS/S") && top.output.contains("isolated"), "\(top.output)\(top.errors)")
            let sample = try await octavo.json("plugin", "top", "--once", "--interval", "100ms")
            let row = try #require(sample["plugins"]?.array?.first { $0["name"]?.string == "sqlite" })
            #expect((row["memoryBytes"]?.integer ?? 0) > 0 && row["mode"]?.string == "isolated")
            #expect(try await octavo.octavo("plugin", "quarantine", "list").output == "No request is refused.\n")
            #expect(try await octavo.octavo("plugin", "quarantine", "clear").code == 0)
            #expect(try await octavo.octavo("plugin", "quarantine", "clear", "--id", "zz").code == 1)
        }
        try await OctavoProcess.with(in: scratch) { octavo in
            #expect(try await mode(octavo) == "isolated")
            let reason = try await octavo.json("plugin", "describe", "sqlite")["summary"]?["isolationReason"]?.string
            #expect(reason == "`octavo plugin isolate`")
            #expect(try await octavo.octavo("state", "get", "statestore", "a").output.contains("1"))
            #expect(try await octavo.octavo("plugin", "isolate", "sqlite", "default").code == 0)
            #expect(try await mode(octavo) == "in process")
        }
    }

    @Test("is asked for in the configuration, with its limits; the command line comes before it")
    func configuration() async throws {
        let scratch = try Scratch()
        let file = try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata: {name: c}
            spec:
              isolation:
                thirdParty: process
                plugins:
                - {name: sqlite, mode: process, memory: 512Mi, seccomp: standard, spares: 1}
                - {name: memory, mode: none}
            """, to: "config.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--config", file, "--isolate", "memory"]) { octavo in
            let sqlite = try #require(try await octavo.json("plugin", "describe", "sqlite")["summary"])
            #expect(sqlite["mode"]?.string == "isolated" && sqlite["isolationReason"]?.string == "the configuration names it")
            let limits = sqlite["limits"]?.array?.compactMap(\.string) ?? []
            #expect(limits.first?.hasPrefix("memory \(512 << 20) bytes (watched, RLIMIT_DATA") == true, "\(limits)")
            #expect(limits.contains("descriptors 1024 (watched, RLIMIT_NOFILE)") && limits.contains("seccomp standard"), "\(limits)")
            // What keeps them besides depends on the machine, and is said.
            #expect(limits.contains { $0.hasPrefix("no cgroup: ") || $0 == "a cgroup of its own" }, "\(limits)")
            try await eventually("what it has") {
                let now = try await octavo.json("plugin", "describe", "sqlite")["summary"]
                let memory = now?["memoryBytes"]?.integer ?? 0
                return memory > 100_000 && memory < 64 << 20 && now?["openDescriptors"]?.integer ?? 0 > 5 && now?["spares"]?.integer == 1
                    ? () : nil
            }
            let list = try await octavo.octavo("plugin", "list")
            #expect(list.output.contains("RSS"))
            #expect(try await octavo.octavo("state", "set", "statestore", "a", "1").code == 0)
        }
    }

    @Test("is asked for in a resource, and a word that is none is refused")
    func annotation() async throws {
        let scratch = try Scratch()
        let file = try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: apart, annotations: {octavo.io/isolation: process}}
            spec: {type: state.in-memory, version: v1}
            ---
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: odd, annotations: {octavo.io/isolation: somewhere}}
            spec: {type: state.in-memory, version: v1}
            """, to: "stores.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", file]) { octavo in
            let plugin = try await octavo.json("plugin", "describe", "memory")["summary"]
            #expect(plugin?["mode"]?.string == "isolated")
            #expect((plugin?["processID"]?.integer ?? 0) > 0)
            #expect(octavo.process.errors.contains(#"octavo.io/isolation is \"somewhere\"; it may be none or process"#))
            #expect(try await octavo.json("component", "list")["components"]?.array?.count == 1)
        }
    }
}
