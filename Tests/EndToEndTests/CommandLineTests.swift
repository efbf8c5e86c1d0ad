import Foundation
import JSONText
import Testing

@Suite("The command line talks to a running runtime", .serialized)
struct CommandLineTests {
    @Test("lists and describes plugins and components, and tells what the runtime is")
    func looks() async throws {
        try await OctavoProcess.with { octavo in
            let plugins = try await octavo.json("plugin", "list")["plugins"]?.array ?? []
            let names = plugins.compactMap { $0["name"]?.string }
            for name in ["memory", "sqlite", "redis"] { #expect(names.contains(name)) }
            let sqlite = try #require(plugins.first { $0["name"]?.string == "sqlite" })
            #expect(sqlite["state"]?.string == "ready")
            #expect(sqlite["generation"]?.integer == 1)
            #expect(sqlite["mode"]?.string == "in process")
            // The runtime finds other apps by the same plugin.
            #expect(sqlite["componentCount"]?.integer == 2)
            // Nothing is loaded that no component needs.
            let memory = try #require(plugins.first { $0["name"]?.string == "memory" })
            #expect(memory["state"]?.string == "discovered")
            #expect(memory["generation"]?.integer == 0)

            let plugin = try await octavo.json("plugin", "describe", "sqlite")
            #expect(plugin["types"]?.array?.first?["name"]?.string == "state.sqlite")
            #expect(plugin["buildId"]?.string?.isEmpty == false)

            let components = try await octavo.json("component", "list")["components"]?.array ?? []
            #expect(components.map { $0["name"]?.string } == ["configstore", "lockstore", "pubsub", "statestore"])
            // Those that nobody has asked for have not been started.
            #expect(components.map { $0["state"]?.string } == ["waiting", "waiting", "waiting", "ready"])
            let component = try await octavo.json("component", "describe", "statestore")
            #expect(component["summary"]?["type"]?.string == "state.sqlite")

            let status = try await octavo.json("status")
            #expect(status["processId"]?.integer == Int(octavo.process.processID))
            #expect(status["appId"]?.string == "demo")
            #expect(status["ready"]?.bool == true)
            #expect(status["dataFolder"]?.string == octavo.scratch.file("data"))
            #expect(try await octavo.json("doctor")["findings"]?.array == [])

            for command in [["plugin", "list"], ["component", "list"], ["status"], ["doctor"]] {
                let text = try await Subprocess.run(Places.octavo, command + ["--admin-socket", octavo.adminSocket])
                #expect(text.code == 0 && !text.output.isEmpty && text.errors.isEmpty, "\(command)")
                #expect(!text.output.contains("\u{1b}"), "colours in a file: \(command)")
            }
        }
    }

    @Test("reads, writes and deletes state, as an app does")
    func state() async throws {
        try await OctavoProcess.with { octavo in
            #expect(try await octavo.octavo("state", "set", "statestore", "cart", #"{"n":1}"#).code == 0)
            let got = try await octavo.octavo("state", "get", "statestore", "cart")
            #expect(got.code == 0 && got.output == #"{"n":1}"#)
            let seen = try await Curl(path: "/v1.0/state/statestore/cart").send(to: octavo.base)
            #expect(seen.body == #"{"n":1}"#)
            let document = try await octavo.json("state", "get", "statestore", "cart")
            #expect(document["value"]?.string == #"{"n":1}"#)
            #expect(document["etag"]?.string == seen.headers["etag"])

            let piped = try await octavo.octavo("state", "set", "statestore", "piped", "-", input: "line\n\n")
            #expect(piped.code == 0)
            #expect(try await octavo.octavo("state", "get", "statestore", "piped").output == "line\n\n")

            let stale = try await octavo.octavo("state", "set", "statestore", "cart", "2", "--etag", "999")
            #expect(stale.code == 1 && stale.errors.contains("etag"))
            #expect(try await octavo.octavo("state", "delete", "statestore", "cart").code == 0)
            #expect(try await octavo.octavo("state", "delete", "statestore", "cart").code == 0)
            let gone = try await octavo.octavo("state", "get", "statestore", "cart")
            #expect(gone.code == 1)
            #expect(gone.errors == "octavo: State store 'statestore' has no key 'cart'.\n")
            let nowhere = try await octavo.octavo("state", "get", "nostore", "cart")
            #expect(nowhere.code == 1 && nowhere.errors.contains("nostore"))
        }
    }

    @Test("reloads, loads and unloads plugins by name")
    func changes() async throws {
        try await OctavoProcess.with { octavo in
            #expect(try await octavo.octavo("state", "set", "statestore", "k", "before").code == 0)
            let change = try await octavo.json("plugin", "reload", "sqlite")
            #expect(change["fromGeneration"]?.integer == 1)
            #expect(change["plugin"]?["generation"]?.integer == 2)
            #expect(change["plugin"]?["oldGenerations"]?.array == [])
            #expect(change["components"]?.array == [.string("octavo-name-resolution"), .string("statestore")])
            #expect(try await octavo.octavo("state", "get", "statestore", "k").output == "before")

            let needed = try await octavo.octavo("plugin", "unload", "sqlite")
            #expect(needed.code == 1 && needed.errors.contains("statestore"), "\(needed.errors)")
            #expect(try await octavo.octavo("state", "get", "statestore", "k").output == "before")

            for verb in ["reload", "describe", "unload"] {
                let unknown = try await octavo.octavo("plugin", verb, "nope")
                #expect(unknown.code == 1, "\(verb): \(unknown)")
                #expect(unknown.errors == "octavo: There is no plugin nope. See `octavo plugin list`.\n")
                let mistyped = try await octavo.octavo("plugin", verb, "sqlit")
                #expect(mistyped.code == 1, "\(verb): \(mistyped)")
                #expect(mistyped.errors == "octavo: There is no plugin sqlit; did you mean sqlite? See `octavo plugin list`.\n")
            }
        }
    }

    @Test("loads a file that is known, that is loaded, that has changed, and that was rejected, each with its own answer")
    func loads() async throws {
        let scratch = try Scratch()
        let files = FileManager.default
        let folder = scratch.file("plugins")
        try files.createDirectory(atPath: folder, withIntermediateDirectories: false)
        for name in ["memory", "sqlite"] { try files.copyItem(atPath: Places.plugin(name), toPath: "\(folder)/\(name).so") }
        try scratch.write("not yet a plugin", to: "plugins/redis.so")
        let resources = Resource.component("store", "state.sqlite") + "---\n" + Resource.component("later", "state.redis", [("redisHost", "127.0.0.1:1")])
        let file = try scratch.write(resources, to: "resources.yaml")
        // A folder with a way around in its path: the file is the same.
        try await OctavoProcess.with(
            in: scratch, flags: ["--resources-path", file, "--plugins-dir", folder + "/../plugins"], untilReady: false
        ) { (octavo) async throws in
            try await eventually("the store") { try await octavo.octavo("state", "get", "store", "k").errors.contains("has no key") ? () : nil }
            func load(_ name: String) async throws -> Subprocess.Result { try await octavo.octavo("plugin", "load", "\(folder)/\(name).so") }
            func generation(_ name: String) async throws -> Int? {
                try await octavo.json("plugin", "describe", name)["summary"]?["generation"]?.integer
            }
            // Known from the folder, not loaded.
            #expect(try await generation("memory") == 0)
            let known = try await load("memory")
            #expect(known.code == 0 && known.output.hasPrefix("Loaded memory in"), "\(known)")
            #expect(try await generation("memory") == 1)
            // Loaded: nothing is done, which is what was asked for.
            for name in ["memory", "sqlite"] {
                let again = try await load(name)
                #expect(again.code == 0 && again.output.contains("It was loaded already from this file; nothing has changed."), "\(again)")
                #expect(try await generation(name) == 1)
            }
            // Loaded, and another build since.
            try files.removeItem(atPath: folder + "/sqlite.so")
            try files.copyItem(atPath: Places.plugin("sqlite"), toPath: folder + "/sqlite.so")
            let changed = try await load("sqlite")
            #expect(changed.code == 1 && changed.errors.contains("plugin sqlite is loaded already, and \(folder)/sqlite.so has changed since"), "\(changed)")
            #expect(changed.errors.contains("`octavo plugin reload sqlite`"))
            // Another file with the name of a plugin that is there.
            let twin = try await octavo.octavo("plugin", "load", Places.plugin("sqlite"))
            #expect(twin.code == 1 && twin.errors.contains("has the id sqlite of") && twin.errors.contains("which came first"), "\(twin)")
            // Rejected, and mended since: its component starts.
            #expect(try await octavo.json("component", "describe", "later")["summary"]?["state"]?.string == "failed")
            try files.removeItem(atPath: folder + "/redis.so")
            try files.copyItem(atPath: Places.plugin("redis"), toPath: folder + "/redis.so")
            #expect(try await load("redis").code == 0)
            let plugins = try await octavo.json("plugin", "list")["plugins"]?.array ?? []
            #expect(plugins.allSatisfy { $0["state"]?.string != "rejected" }, "\(plugins)")
            let later = try await octavo.json("component", "describe", "later")["summary"]
            #expect(later?["state"]?.string != "failed" && later?["reason"]?.string?.contains("no plugin") != true, "\(String(describing: later))")
        }
    }

    @Test("and a runtime that was never ready does not say that it is when it ends")
    func neverReady() async throws {
        let scratch = try Scratch()
        let file = try scratch.write(
            Resource.component("far", "state.redis", [("redisHost", "127.0.0.1:\(try FreePort.find())")]), to: "far.yaml")
        let octavo = try await OctavoProcess.start(in: scratch, flags: ["--resources-path", file], untilReady: false)
        #expect(try await octavo.octavo("status").code == 1)
        try await octavo.stop()
        #expect(octavo.process.errors.contains("stopped") && !octavo.process.errors.contains("up and running"), "\(octavo.process.errors)")
    }

    @Test("tells by its exit code what happened", arguments: [
        (["status", "--admin-socket", "/tmp/octavo-no-such-socket"], Int32(3)),
        (["plugin", "list", "--json", "--admin-socket", "/tmp/octavo-no-such-socket"], 3),
        (["state", "get", "a", "b", "--admin-socket", "/tmp/octavo-no-such-socket"], 3),
        (["status", "--bogus"], 2), (["state", "set", "statestore"], 2), (["frobnicate"], 2), (["run", "--app-port", "x"], 2),
        (["run", "--plugins-dir", "/no/such/folder", "--data-dir", "/proc/no"], 1),
        (["--version"], 0), (["run", "--help"], 0),
    ] as [([String], Int32)])
    func exitCodes(arguments: [String], code: Int32) async throws {
        let end = try await Subprocess.run(Places.octavo, arguments)
        #expect(end.code == code, "\(end.output)\(end.errors)")
        #expect(code == 0 ? end.errors.isEmpty : !end.errors.isEmpty && end.output.isEmpty, "\(end)")
    }

    @Test("and prints completion scripts that the shells take", arguments: ["bash", "zsh", "fish"])
    func completion(shell: String) async throws {
        let script = try await Subprocess.run(Places.octavo, ["completion", shell])
        #expect(script.code == 0 && script.output.contains("octavo"))
        guard ["/bin/", "/usr/bin/"].contains(where: { FileManager.default.isExecutableFile(atPath: $0 + shell) }) else {
            return
        }
        let check = try await Subprocess.run(shell, ["-n"], input: script.output)
        #expect(check.code == 0 && check.errors.isEmpty, "\(check.errors)")
    }
}
