import Foundation
import JSONText
import Testing

@Suite("A plugins folder with broken files in it", .serialized)
struct BrokenPluginTests {
    /// Compiles a variant of the fixture that breaks one rule.
    private func compile(_ flags: [String], to path: String) async throws {
        let end = try await Subprocess.run(
            "cc",
            ["-std=c11", "-shared", "-fPIC", "-I", Places.headers, "-o", path] + flags + [Places.brokenPlugin])
        guard end.code == 0 else { throw Trouble("cc: \(end.errors)") }
    }

    @Test("does not keep the good ones from working, and each broken one is listed with its reason")
    func folder() async throws {
        let scratch = try Scratch()
        let folder = scratch.file("plugins")
        let files = FileManager.default
        try files.createDirectory(atPath: folder, withIntermediateDirectories: false)
        func place(_ name: String) -> String { "\(folder)/\(name).so" }
        try files.copyItem(atPath: Places.plugin("sqlite"), toPath: place("sqlite"))
        try scratch.write("not a shared object\n", to: "plugins/text.so")
        try scratch.write("", to: "plugins/empty.so")
        let whole = try Data(contentsOf: URL(fileURLWithPath: Places.plugin("memory")))
        try whole.prefix(5000).write(to: URL(fileURLWithPath: place("truncated")))
        try whole.write(to: URL(fileURLWithPath: place("writable")))
        try files.setAttributes([.posixPermissions: 0o666], ofItemAtPath: place("writable"))
        try await compile(["-DCASE=0", "-DNO_ENTRY"], to: place("entryless"))
        try await compile(["-DCASE=0", "-DENTRY_V2"], to: place("newer"))
        try await compile(["-DCASE=14"], to: scratch.file("short.so"))
        try await compile(["-DCASE=1"], to: scratch.file("nameless.so"))
        try await compile(["-DCASE=21"], to: scratch.file("unlicensed.so"))
        try files.createSymbolicLink(atPath: place("dangling"), withDestinationPath: "/no/such/file.so")

        let reasons: [(name: String, has: String)] = [
            ("text", "plugin \(place("text")) can't be used: "),
            ("empty", "plugin \(place("empty")) is empty; copy it again"),
            ("truncated", "plugin \(place("truncated")) can't be used: "),
            ("writable", "plugin \(place("writable")) may be written by everybody (mode 666), so anybody could run code here; chmod o-w it"),
            ("entryless", "plugin \(place("entryless")) does not export octavo_plugin_v1; export it, or take the file out of the plugins folder"),
            ("newer", "plugin \(place("newer")) needs a runtime with plugin ABI 2, this one has 1; update Octavo or build the plugin against ABI 1"),
            ("dangling", "plugin \(place("dangling")) can't be read: No such file or directory; make it readable for the user that runs Octavo"),
        ]
        try await OctavoProcess.with(in: scratch, flags: ["--plugins-dir", folder]) { octavo in
            let plugins = try await octavo.json("plugin", "list")["plugins"]?.array ?? []
            for (name, has) in reasons {
                let found = plugins.first { $0["path"]?.string == place(name) }
                #expect(found?["state"]?.string == "rejected", "\(name): \(String(describing: found))")
                #expect(found?["reason"]?.string?.hasPrefix(has) == true, "\(name): \(String(describing: found))")
            }
            // What only the plugin's own code can tell is found when it is loaded.
            for (name, has) in [
                ("short", "its descriptor (octavo_plugin) says it has 64 bytes, ABI 1 needs at least 128"), ("nameless", "describes itself wrongly"),
                ("unlicensed", "its licence has run out"),
            ] {
                let load = try await octavo.octavo("plugin", "load", scratch.file(name + ".so"))
                #expect(load.code == 1 && load.errors.contains(has), "\(name): \(load)")
            }
            #expect(plugins.first { $0["name"]?.string == "sqlite" }?["state"]?.string == "ready")
            #expect(try await octavo.octavo("state", "set", "statestore", "k", "v").code == 0)
            #expect(try await octavo.octavo("state", "get", "statestore", "k").output == "v")
        }
    }
}
