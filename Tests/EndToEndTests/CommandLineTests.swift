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
            #expect(sqlite["componentCount"]?.integer == 1)
            // Nothing is loaded that no component needs.
            let memory = try #require(plugins.first { $0["name"]?.string == "memory" })
            #expect(memory["state"]?.string == "discovered")
            #expect(memory["generation"]?.integer == 0)

            let plugin = try await octavo.json("plugin", "describe", "sqlite")
            #expect(plugin["types"]?.array?.first?["name"]?.string == "state.sqlite")
            #expect(plugin["buildId"]?.string?.isEmpty == false)

            let components = try await octavo.json("component", "list")["components"]?.array ?? []
            #expect(components.map { $0["name"]?.string } == ["statestore"])
            #expect(components.first?["state"]?.string == "ready")
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
            #expect(change["components"]?.array == [.string("statestore")])
            #expect(try await octavo.octavo("state", "get", "statestore", "k").output == "before")

            let needed = try await octavo.octavo("plugin", "unload", "sqlite")
            #expect(needed.code == 1 && needed.errors.contains("statestore"), "\(needed.errors)")
            #expect(try await octavo.octavo("state", "get", "statestore", "k").output == "before")

            for verb in ["reload", "describe", "unload"] {
                let unknown = try await octavo.octavo("plugin", verb, "nope")
                #expect(unknown.code == 1 && unknown.errors.contains("nope"), "\(verb): \(unknown)")
            }
        }
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
