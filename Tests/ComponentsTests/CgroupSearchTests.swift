import COctavoIsolation
import Glibc
import Testing

@testable import Components

@Suite("Where helper processes get control groups")
struct CgroupSearchTests {
    /// A system in memory.
    final class System: Sendable {
        let files: [String: String]
        let readOnly: Bool
        let refusal: Int32

        init(_ files: [String: String], readOnly: Bool = false, refusal: Int32 = 0) {
            self.files = files
            self.readOnly = readOnly
            self.refusal = refusal
        }

        var system: CgroupSystem {
            CgroupSystem(
                read: { [self] in files[$0] }, write: { [self] path, _ in files[path] == nil ? ENOENT : refusal },
                isWritable: { [self] _ in !readOnly }, isGroup: { [self] in files[$0 + "/cgroup.controllers"] != nil })
        }
    }

    private static let mount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

    private static func files(
        own: String = "0::/\n", mounts: String = mount, folder: String = "/sys/fs/cgroup", controllers: String = "cpuset cpu io memory hugetlb pids\n",
        passed: String = "cpu memory pids\n", type: String? = nil
    ) -> [String: String] {
        var files = [
            "/proc/self/cgroup": own, "/proc/self/mountinfo": mounts, folder + "/cgroup.controllers": controllers,
            folder + "/cgroup.subtree_control": passed,
        ]
        files[folder + "/cgroup.type"] = type
        return files
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let system: System
        var setting = CgroupSetting.auto
        var wanted: CgroupControllers = [.memory, .cpu, .pids]
        /// The folder, or nil.
        let folder: String?
        var controllers: CgroupControllers = [.memory, .cpu, .pids]
        /// In the cause.
        var cause = ""
    }

    private static let unit = "/sys/fs/cgroup/system.slice/octavo.service"

    @Test("is decided by what the system passes on, and else the cause is told", arguments: [
        Case(testDescription: "off", system: System(files()), setting: .off, folder: nil, cause: "is off"),
        Case(testDescription: "the root passes everything on", system: System(files()), folder: "/sys/fs/cgroup"),
        Case(testDescription: "only some is wanted", system: System(files()), wanted: .pids, folder: "/sys/fs/cgroup"),
        Case(testDescription: "it passes some on", system: System(files(passed: "memory\n")), folder: "/sys/fs/cgroup", controllers: .memory,
             cause: "does not pass the controllers cpu, pids on"),
        Case(testDescription: "nothing that is wanted", system: System(files(passed: "memory\n")), wanted: .cpu, folder: nil,
             cause: "does not pass the controllers cpu on to groups below it, and can't while the runtime is in it"),
        Case(testDescription: "nothing is wanted", system: System(files()), wanted: [], folder: nil),
        Case(testDescription: "a unit with processes", system: System(files(own: "0::/system.slice/octavo.service\n", folder: unit, passed: "\n", type: "domain\n")),
             folder: nil, cause: "delegate a folder and name it in spec.isolation.cgroup"),
        Case(testDescription: "version 1 alone", system: System(files(own: "4:memory:/a\n1:cpu:/\n")), folder: nil, cause: "no control groups of version 2"),
        Case(testDescription: "no text", system: System([:]), folder: nil, cause: "no control groups of version 2"),
        Case(testDescription: "both versions, controllers on 1",
             system: System(files(own: "9:memory:/x\n0::/\n", mounts: "1 1 0:1 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n",
                                  folder: "/sys/fs/cgroup/unified", controllers: "hugetlb\n", passed: "")),
             folder: nil, cause: "/sys/fs/cgroup/unified does not have the controllers memory, cpu, pids"),
        Case(testDescription: "not mounted", system: System(files(mounts: "1 1 0:1 / / rw - ext4 /dev/sda rw\n")), folder: nil, cause: "no mounted cgroup2"),
        Case(testDescription: "another part is mounted",
             system: System(files(own: "0::/b\n", mounts: "1 1 0:1 /a /sys/fs/cgroup rw - cgroup2 none rw\n")), folder: nil, cause: "no mounted cgroup2"),
        Case(testDescription: "outside of the namespace", system: System(files(own: "0::/../x\n")), folder: nil, cause: "can't be read"),
        Case(testDescription: "may not write", system: System(files(), readOnly: true), folder: nil, cause: "may not make groups in /sys/fs/cgroup"),
        Case(testDescription: "threaded", system: System(files(type: "threaded\n")), folder: nil, cause: "threaded"),
        Case(testDescription: "a delegated folder", system: System(files(folder: unit, passed: "", type: "domain\n")), setting: .folder(unit), folder: unit),
        Case(testDescription: "a delegated folder with processes in it", system: System(files(folder: unit, passed: ""), refusal: EBUSY), setting: .folder(unit),
             folder: unit, controllers: [], cause: "processes in it"),
        Case(testDescription: "a delegated folder without controllers", system: System(files(folder: unit, controllers: "", passed: "")),
             setting: .folder(unit), wanted: [.memory, .pids], folder: unit, controllers: [], cause: "does not have the controllers memory"),
        Case(testDescription: "a delegated folder that is none", system: System(files()), setting: .folder("/tmp"), folder: nil,
             cause: "/tmp, which spec.isolation.cgroup names, is no folder of a cgroup2 file system"),
        Case(testDescription: "a delegated folder of somebody else", system: System(files(), readOnly: true), setting: .folder("/sys/fs/cgroup"), folder: nil,
             cause: "delegate it"),
    ])
    func decision(_ one: Case) throws {
        do throws(CgroupSearch.Failure) {
            let place = try CgroupSearch(one.system.system).place(one.setting, wanted: one.wanted)
            #expect(place.folder == one.folder)
            #expect(place.controllers == one.controllers)
            #expect(one.cause.isEmpty ? place.cause.isEmpty : place.cause.contains(one.cause), "\(place.cause)")
        } catch {
            #expect(one.folder == nil, "\(error)")
            #expect(error.description.contains(one.cause), "\(error)")
        }
    }

    @Test("the runtime's own group is found among its mounts", arguments: [
        ("/", "/", "/m", "/m"), ("/a/b", "/", "/m", "/m/a/b"), ("/a/b", "/a", "/m", "/m/b"), ("/a", "/a", "/m", "/m"), ("/ab", "/a", "/m", nil),
        ("/a", "/", #"/with\040space"#, "/with space/a"), ("/a", #"/bad\9"#, "/m", nil),
    ] as [(String, String, String, String?)])
    func mounts(group: String, root: String, point: String, folder: String?) {
        let text = "garbage\n\n1 2 0:3 / /x rw - tmpfs none rw\n1 2 0:3 \(root) \(point) rw a:1 b:2 - cgroup2 none rw\n"
        #expect(CgroupPaths.folder(of: group, mounts: text) == folder)
    }

    @Test("a file of events is read as far as it is one", arguments: [
        ("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n", 2), ("oom_kill 0\n", 0), ("oom_kill 7", 7), ("oom_kill 9223372036854775807\n", .max),
        ("", -1), ("\n\n\n", -1), ("oom_kill", -1), ("oom_kill\n", -1), ("oom_kill \n", -1), ("oom_kill x\n", -1), ("oom_kill -1\n", -1),
        ("oom_kill 1x\n", -1), ("oom_kill 9223372036854775808\n", -1), ("oom_kill 99999999999999999999999\n", -1), ("xoom_kill 1\n", -1), ("oom_killer 5\n", -1),
        ("oom 1\noom_group_kill 4\n", -1), (" oom_kill 1\n", -1), ("oom_kill  1\n", -1), ("oom_kill\t1\n", -1), ("\0\0oom_kill 1\n", -1),
    ] as [(String, Int64)])
    func events(text: String, value: Int64) {
        var text = text
        let found = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { octavo_cgroup_event($0.baseAddress ?? UnsafePointer(bitPattern: 1)!, UInt64($0.count), "oom_kill") }
        }
        #expect(found == value)
    }

    @Test("of this machine the decision names what it lacks, or a folder that is there")
    func thisMachine() {
        let search = CgroupSearch()
        do throws(CgroupSearch.Failure) {
            let place = try search.place(.auto, wanted: [.memory, .cpu, .pids])
            print("control groups of this machine: \(place)")
            #expect(CgroupSystem.real.isGroup(place.folder) && !place.controllers.isEmpty)
        } catch {
            print("no control groups by themselves on this machine: \(error)")
            #expect(!error.description.isEmpty)
        }
        #expect(!CgroupSystem.real.isGroup("/tmp") && !CgroupSystem.real.isGroup("/no/such"))
    }
}
