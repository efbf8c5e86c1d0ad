import Foundation
import JSONText
import Testing

@Suite("`octavo run --watch` under load", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs a client"))
struct WatchTests {
    /// What an author does, with version and generation that come of it. `$1` is the new build, `$2` the one that is served.
    private static let ways = [
        ("2.0.0", 2, #"cp "$1" "$2""#),
        ("3.0.0", 3, #"cp "$1" "$2.new" && mv "$2.new" "$2""#),
        ("4.0.0", 4, #"mv "$1" "$2""#),
        // In place and slowly, in one go and opened again for each part.
        ("5.0.0", 5, #"{ head -c 4096; sleep 0.5; head -c 4096; sleep 0.5; cat; } <"$1" >"$2""#),
        // Of the first part, which its writer had closed, the sixth generation would have been.
        ("6.0.0", 7, #"head -c 9000 "$1" >"$2"; sleep 0.5; tail -c +9001 "$1" >>"$2""#),
    ]

    @Test("a build that is copied, moved or slowly written over the old one serves, and no request fails", arguments: [false, true])
    func takesIn(isolated: Bool) async throws {
        let scratch = try Scratch()
        let folder = scratch.file("plugins")
        let place = folder + "/file-store.so"
        try await ExamplePlugin.build(into: folder)
        let resources = try scratch.write(Resource.component("store", "state.file-store"), to: "store.yaml")
        let flags = ["--resources-path", resources, "--plugins-dir", folder] + (isolated ? ["--isolate", "all"] : [])
        let settings = try scratch.write(
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  plugins: {watch: true}\n", to: "config.yaml")
        // One by the flag, one by the configuration.
        try await OctavoProcess.with(in: scratch, flags: flags + (isolated ? ["--config", settings] : ["--watch"])) { octavo in
            #expect(try await octavo.octavo("state", "set", "store", "key", ReloadTests.value).code == 0)
            let load = try ReloadTests.Load(octavo)
            try await load.begun()
            for (version, generation, command) in Self.ways {
                try await ExamplePlugin.build(into: scratch.file("next"), version: version)
                let end = try await Subprocess.run("sh", ["-c", command, "sh", scratch.file("next/file-store.so"), place])
                #expect(end.code == 0, "\(end.errors)")
                let found = try await eventually("version \(version)") { () async throws -> JSONValue? in
                    try load.check()
                    let found = try await octavo.json("plugin", "describe", "file-store")["summary"]
                    return found?["version"]?.string == version ? found : nil
                }
                #expect(found["generation"]?.integer == generation)
                #expect(found["mode"]?.string == (isolated ? "isolated" : "in process"))
            }
            let (reads, calls) = try await load.stopped()
            #expect(reads > 100 && calls > 100)
            #expect(try await octavo.json("status")["errors"]?.integer == 0)
            #expect(try await octavo.octavo("state", "get", "store", "key").output == ReloadTests.value)
        }
    }

    @Test("a build that does not start is refused with its reason once, and the old one goes on")
    func refuses() async throws {
        let scratch = try Scratch()
        let folder = scratch.file("plugins")
        try await ExamplePlugin.build(into: folder)
        let resources = try scratch.write(Resource.component("store", "state.file-store"), to: "store.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", resources, "--plugins-dir", folder, "--watch"]) { octavo in
            try scratch.write("not a shared object\n", to: "plugins/file-store.so")
            try await eventually("the reason") {
                octavo.process.errors.contains("a changed plugin was not taken in") ? () : nil
            }
            #expect(try await octavo.octavo("state", "set", "store", "key", "1").code == 0)
            let found = try await octavo.json("plugin", "describe", "file-store")["summary"]
            #expect(found?["state"]?.string == "ready" && found?["generation"]?.integer == 1)
        }
    }
}
