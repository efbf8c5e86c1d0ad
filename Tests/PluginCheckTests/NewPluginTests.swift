import Glibc
import Testing

@testable import octavo

/// `octavo plugin new`
@Suite("octavo plugin new", .serialized)
struct NewPluginTests {
    private static let octavo = CheckedPlugin.products + "/octavo"

    @Test("a project of every kind builds, and a check finds nothing in it", arguments: PluginKind.all.map(\.name))
    func everyKind(kind: String) {
        CheckedPlugin.inFolder { folder in
            let made = CheckedPlugin.run([Self.octavo, "plugin", "new", "my-own", "--kind", kind, "--folder", folder + "/p"])
            #expect(made.code == 0, "\(made.text)")
            let built = CheckedPlugin.run(["make", "-C", folder + "/p", "OCTAVO_CFLAGS=-I\(CheckedPlugin.root)/sdk-c/include"])
            #expect(built.code == 0, "\(built.text)")
            let checked = CheckedPlugin.check(folder + "/p/my-own.so")
            #expect(checked.code == 0, "\(checked.text)")
        }
    }

    @Test("a project in Swift builds on the kit, lists show it, and a check finds nothing in it", arguments: ["state", "secret-store"])
    func swift(kind: String) {
        CheckedPlugin.inFolder { folder in
            // As it is installed.
            let kit = folder + "/the kit"
            #expect(CheckedPlugin.run(["cp", "-RL", CheckedPlugin.root + "/sdk-c/plugin-kit", kit]).code == 0)
            let flags = ["--kind", kind, "--language", "swift", "--folder", folder + "/p"] + (kind == "state" ? [] : ["--kit", kit])
            let made = CheckedPlugin.run([Self.octavo, "plugin", "new", "my-own"] + flags)
            #expect(made.code == 0, "\(made.text)")
            let built = CheckedPlugin.run(["make", "-C", folder + "/p"])
            #expect(built.code == 0 && !built.text.contains("warning:"), "\(built.text)")
            let listed = CheckedPlugin.run([Self.octavo, "plugin", "list", "--plugins-dir", folder + "/p", "--json"])
            #expect(listed.text.contains("my-own") && listed.text.contains("discovered"), "\(listed.text)")
            let checked = CheckedPlugin.check(folder + "/p/my-own.so", kind == "state" ? [] : ["--set", "secrets=a=1,b=2"])
            #expect(checked.code == 0, "\(checked.text)")
        }
    }

    @Test("what can't be made is refused with the cause, and nothing is overwritten", arguments: [
        (["My-Own", "--folder", "F/new"], 2, "may only hold a-z"), (["1x", "--folder", "F/new"], 2, "begin with a letter"),
        (["x", "--kind", "stats", "--folder", "F/new"], 2, "stats"), (["x", "--kind", "pubsub", "--language", "swift", "--folder", "F/new"], 2, "Write it in C"),
        (["x", "--language", "swift", "--kit", "F", "--folder", "F/new"], 1, "is no plugin kit"),
        (["x", "--language", "swift", "--kit", "F/\"kit\"", "--folder", "F/new"], 1, "quotation mark"),
        (["x", "--language", "swift", "--kit", "F/none", "--folder", "F/new"], 1, "is no plugin kit"),
        (["x", "--language", "c", "--kit", "F", "--folder", "F/new"], 2, "--kit is for projects in Swift"),
        (["x", "--language", "swift", "--folder", "F/new/plugin-kit"], 2, "name of the plugin kit"),
        (["Xx", "--language", "swift", "--folder", "F/new"], 2, "may only hold a-z"), (["x", "--language", "swift", "--folder", "F"], 1, "exists already"),
        (["x", "--folder", "F"], 1, "exists already"), (["x", "--folder", "F/no/where"], 1, "No such file"),
    ] as [([String], Int32, String)])
    func refused(arguments: [String], code: Int32, cause: String) {
        CheckedPlugin.inFolder { folder in
            #expect(CheckedPlugin.run(["cp", "-RL", CheckedPlugin.root + "/sdk-c/plugin-kit", folder + "/\"kit\""]).code == 0)
            let words = arguments.map { $0.hasPrefix("F") ? folder + $0.dropFirst() : $0 }
            let result = CheckedPlugin.run([Self.octavo, "plugin", "new"] + words)
            #expect(result.code == code, "\(result.text)")
            #expect(result.text.contains(cause), "\(result.text)")
            #expect(access(folder + "/new", F_OK) != 0)
        }
    }
}
