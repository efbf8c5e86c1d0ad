import Glibc
import Testing

@testable import PluginCheck

/// `octavo plugin check` on fixtures that break one rule of the ABI each. A suite of its own: much of it waits for calls that are late,
/// beside the checks that work.
@Suite("octavo plugin check finds what breaks the rules", .serialized)
struct BrokenRuleTests {
    @Test("the example in C passes, and so does a fixture without a fault", arguments: [
        ("sdk-c/examples/file-store/file_store.c", "file-store"), ("Tests/Fixtures/plugins/faulty.c", "faulty"),
    ])
    func example(source: String, name: String) {
        CheckedPlugin.inFolder { folder in
            let built = CheckedPlugin.compile(source, to: "\(folder)/\(name).so", ["-fvisibility=hidden"])
            #expect(built.code == 0, "\(built.text)")
            let result = CheckedPlugin.check("\(folder)/\(name).so")
            #expect(result.code == 0, "\(result.text)")
        }
    }

    /// What is broken, by which finding it is known, and where it is looked for.
    static let faults: [(fault: String, finding: String, flags: [String])] = [
        ("LEAK_DESCRIPTOR", "90 more descriptors are open (/dev/null)", []),
        ("LEAK_THREAD", "90 more threads run", []),
        ("LEAK_HOST_MEMORY", "100 bytes of the host's memory (alloc) have not been freed", []),
        ("COMPLETE_TWICE", "completions were for calls that had been completed before", []),
        ("COMPLETE_NEVER", "remove with plain values was not completed within 5 s", ["--only", "in-process"]),
        ("CRASH_ON_ABSENT", "During get with every slice absent the plugin crashed: Segmentation fault", []),
        ("CRASH_ON_ABSENT", "get with every slice absent has ended the plugin's process", ["--only", "isolated"]),
        ("CALL_EXIT", "During get with empty slices the process ended with exit code 7", []),
        ("SLOW_INLINE", "get holds its event loop for", ["--only", "in-process"]),
        ("READ_PAST_END", "During get with plain values the plugin crashed", ["--only", "in-process"]),
        ("LOST_LOCK", "8 callers wrote with the same etag at the same time; ", []),
        ("CUT_AT_NUL", "After set of the bytes 0 get gave \"\"", []),
        ("SILENT_ERROR", "get with every slice absent ended with an error that has no message", []),
        ("SIGNAL_HANDLER", "has installed a handler of signal 12", ["--only", "in-process"]),
        ("CHANGE_FOLDER", "has changed the working directory to /", ["--only", "in-process"]),
        ("IGNORE_ETAG", "A set with an etag of an older value ended with done, not ETAG_MISMATCH", []),
        ("NO_OPERATION", "has the feature of bulk_get, but its table has no such operation", []),
        ("CRASH_IN_CREATE", "During create and start of an instance of state.faulty the plugin crashed: Aborted", []),
        ("SHORT_REPLY", "the plugin gave a reply structure that is too short", []),
        ("HANG_IN_START", "An instance of state.faulty did not start", ["--only", "in-process"]),
        ("FALSE_NOTE", "its note says version 2.0.0, its descriptor 1.0.0", []),
        ("UNKNOWN_PLACE", "get with every slice absent ended with OK in process and with INVALID_ARGUMENT isolated", []),
        ("NO_NOTE", "The file has no note", ["--only", "in-process"]),
    ]

    @Test("a broken rule is named", arguments: faults)
    func fault(_ one: (fault: String, finding: String, flags: [String])) {
        let found = findings(one.fault, one.flags)
        #expect(found.contains(one.finding), "\(found)")
    }

    /// What a check prints of the fixture with a fault; it must fail.
    private func findings(_ fault: String, _ flags: [String]) -> String {
        CheckedPlugin.inFolder { folder in
            let built = CheckedPlugin.compile("Tests/Fixtures/plugins/faulty.c", to: "\(folder)/faulty.so", ["-DFAULT=\(fault)"])
            #expect(built.code == 0, "\(built.text)")
            let result = CheckedPlugin.check("\(folder)/faulty.so", flags)
            #expect(result.code == 1)
            return result.text
        }
    }

    @Test("a call that is completed after its time is late, and not completed twice")
    func late() {
        let found = findings("COMPLETE_LATE", ["--only", "in-process"])
        #expect(found.contains("DEADLINE_EXCEEDED") || found.contains("not completed within 5 s"), "\(found)")
        #expect(!found.contains("completed before") && !found.contains("crashed"), "\(found)")
    }
}
