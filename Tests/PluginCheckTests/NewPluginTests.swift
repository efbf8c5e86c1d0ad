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

    @Test("what can't be made is refused with the cause, and nothing is overwritten", arguments: [
        (["My-Own", "--folder", "F/new"], 2, "may only hold a-z"), (["1x", "--folder", "F/new"], 2, "begin with a letter"),
        (["x", "--kind", "stats", "--folder", "F/new"], 2, "stats"), (["x", "--language", "swift", "--folder", "F/new"], 2, "PluginKit"),
        (["x", "--folder", "F"], 1, "exists already"), (["x", "--folder", "F/no/where"], 1, "No such file"),
    ] as [([String], Int32, String)])
    func refused(arguments: [String], code: Int32, cause: String) {
        CheckedPlugin.inFolder { folder in
            let words = arguments.map { $0.hasPrefix("F") ? folder + $0.dropFirst() : $0 }
            let result = CheckedPlugin.run([Self.octavo, "plugin", "new"] + words)
            #expect(result.code == code, "\(result.text)")
            #expect(result.text.contains(cause), "\(result.text)")
            #expect(access(folder + "/new", F_OK) != 0)
        }
    }
}
