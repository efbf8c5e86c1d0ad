import Glibc
import Testing

@testable import Components

@Suite("A plugin that can't be used is rejected with one sentence that says why")
struct BrokenPluginTests {
    /// The error of loading, with the path taken out of it.
    static func failure(_ path: String) async throws -> String {
        let data = temporaryFolder("octavo-broken")
        defer { removeTree(data) }
        let staging = try PluginStaging(dataFolder: data)
        do throws(PluginError) {
            let plugin = try await LoadedPlugin.load(path: path, generation: 1, staging: staging)
            _ = await plugin.retire()
            return "loaded"
        } catch {
            #expect(listFolder(staging.folder)?.allSatisfy { (listFolder(staging.folder + "/" + $0) ?? []).isEmpty } != false)
            return error.description.replacing(path, with: "P")
        }
    }

    struct Lie: CustomTestStringConvertible, Sendable {
        let number: Int
        let text: String
        var testDescription: String { text }
    }

    static let wrongly = "plugin P describes itself wrongly: "
    static let lies: [Lie] = [
        Lie(number: 1, text: wrongly + "it has no id"),
        Lie(number: 2, text: wrongly + "its id \"Broken/..\" may only hold a-z, 0-9 and -, at most 64 of them"),
        Lie(number: 3, text: wrongly + "its version \"new\" is not a semantic version such as 1.4.0"),
        Lie(number: 4, text: wrongly + "it offers no component types"),
        Lie(number: 5, text: wrongly + "type 0 is null"),
        Lie(number: 6, text: wrongly + "it offers the type state.broken twice"),
        Lie(number: 7, text: wrongly + "type pubsub.broken is of kind state, so its name must begin with state."),
        Lie(number: 8, text: wrongly + "type state.broken is of kind 99, which this runtime does not know"),
        Lie(number: 9, text: wrongly + "type state.broken has no life table"),
        Lie(number: 10, text: wrongly + "type state.broken has no create function"),
        Lie(number: 11, text: wrongly + "type state.broken has no table of operations"),
        Lie(
            number: 12,
            text: "plugin P: its operations table of state.broken says it has 8 bytes, ABI 1 needs at least 88; build it "
                + "against the headers of this release"),
        Lie(number: 13, text: wrongly + "type state.broken has no get operation"),
        Lie(
            number: 14,
            text: "plugin P: its descriptor (octavo_plugin) says it has 64 bytes, ABI 1 needs at least 128; build it "
                + "against the headers of this release"),
        Lie(
            number: 15,
            text: "plugin P: its type 0 (octavo_type) says it has 96 bytes, ABI 1 needs at least 104; build it against "
                + "the headers of this release"),
        Lie(
            number: 16,
            text: "plugin P: its life table of state.broken (octavo_life) says it has 16 bytes, ABI 1 needs at least 88; "
                + "build it against the headers of this release"),
        Lie(
            number: 17,
            text: "plugin P: its schema of state.broken (octavo_schema) says it has 8 bytes, ABI 1 needs at least 120; "
                + "build it against the headers of this release"),
        Lie(number: 18, text: "plugin P needs plugin ABI 1.7, this runtime has 1.0; update Octavo"),
        Lie(
            number: 19,
            text: "plugin P requires features that this runtime does not have: streams, bit 40; update Octavo"),
        Lie(number: 20, text: "plugin P: octavo_plugin_v1 returned no descriptor, so it refuses this machine; ask its vendor"),
        Lie(number: 21, text: "plugin P did not start: its licence has run out"),
        Lie(number: 22, text: wrongly + "type state.broken has the execution 3, which does not exist"),
        Lie(number: 23, text: wrongly + "a field of state.broken has no name"),
        Lie(number: 24, text: wrongly + "field port of state.broken has the type 42, which does not exist"),
        Lie(number: 25, text: wrongly + "the default of field port of state.broken must be a whole number"),
        Lie(number: 26, text: wrongly + "type 0 has no name"),
        Lie(number: 27, text: wrongly + "the alias pubsub.other of type state.broken must begin with state. too"),
    ]

    @Test("when its descriptor breaks a rule", arguments: lies)
    func descriptor(lie: Lie) async throws {
        #expect(try await Self.failure(Fixtures.broken(lie.number)) == lie.text)
    }

    @Test("and is used when it breaks none")
    func sound() async throws {
        #expect(try await Self.failure(Fixtures.broken(0)) == "loaded")
    }

    @Test("when it does not export the entry")
    func entry() async throws {
        #expect(
            try await Self.failure(Fixtures.broken(0, ["-DNO_ENTRY"]))
                == "plugin P does not export octavo_plugin_v1; export it, or take the file out of the plugins folder")
        #expect(
            try await Self.failure(Fixtures.broken(0, ["-DENTRY_V2"]))
                == "plugin P needs a runtime with plugin ABI 2, this one has 1; update Octavo or build the plugin against "
                + "ABI 1")
    }

    @Test("when its note and its descriptor disagree")
    func note() async throws {
        func note(_ id: String, _ version: String, _ types: String) async throws -> String {
            try await Self.failure(
                Fixtures.broken(
                    0, ["-DWITH_NOTE", "-DNOTE_ID=\"\(id)\"", "-DNOTE_VERSION=\"\(version)\"", "-DNOTE_TYPES=\"\(types)\""]))
        }
        #expect(try await note("other", "1.0.0", "state.broken") == Self.wrongly + "its note says id other, its descriptor broken")
        #expect(
            try await note("broken", "2.0.0", "state.broken")
                == Self.wrongly + "its note says version 2.0.0, its descriptor 1.0.0")
        #expect(
            try await note("broken", "1.0.0", "state.x")
                == Self.wrongly + "its note lists state.x, its descriptor state.broken")
        #expect(try await note("broken", "1.0.0", "state.broken") == "loaded")
        #expect(
            try await note("../../etc", "1.0.0", "state.broken")
                == "plugin P has a note section that can't be read; write it with OCTAVO_NOTE")
    }

    @Test("when the file is not what it should be")
    func file() async throws {
        let folder = temporaryFolder("octavo-files")
        defer { removeTree(folder) }
        let path = folder + "/p.so"
        let sound = readFile(Fixtures.broken(0))
        func failure(_ bytes: [UInt8], mode: mode_t = 0o644) async throws -> String {
            write(bytes, to: path, mode: mode)
            return try await Self.failure(path)
        }
        #expect(try await failure([]) == "plugin P is empty; copy it again")
        #expect(
            try await failure(Array("#!/bin/sh\nexit 0\n# a script".utf8))
                == "plugin P can't be used: it is not an ELF file; build or copy it again")
        #expect(
            try await failure(sound, mode: 0o646)
                == "plugin P may be written by everybody (mode 646), so anybody could run code here; chmod o-w it")
        #expect(
            try await failure(sound, mode: 0o200)
                == "plugin P can't be read: nobody has the right to read it; make it readable for the user that runs Octavo"
                || geteuid() != 0)
        var bytes = sound
        bytes[4] = 1
        #expect(
            try await failure(bytes)
                == "plugin P can't be used: it is a 32-bit object; Octavo needs a 64-bit one; build or copy it again")
        bytes = sound
        bytes[18] = 243
        #expect(
            try await failure(bytes)
                == "plugin P is built for RISC-V, this runtime runs on "
                + "\(PluginInspection.machineName(PluginInspection.ownMachine)); build it for that")
        bytes = sound
        bytes[16] = 1
        #expect(try await failure(bytes) == "plugin P is not a shared object; link it with -shared")
        #expect(try await failure(Array(sound.prefix(2000))).hasPrefix("plugin P can't be used: "))
        #expect(try await Self.failure(folder) == "plugin P is not a regular file; put the shared object itself there")
        #expect(
            try await Self.failure(folder + "/none.so")
                == "plugin P can't be read: No such file or directory; make it readable for the user that runs Octavo")
        mkfifo(folder + "/fifo.so", 0o600)
        #expect(
            try await Self.failure(folder + "/fifo.so")
                == "plugin P is not a regular file; put the shared object itself there")
        if geteuid() == 0 {
            write(sound, to: path)
            chown(path, 12345, 12345)
            #expect(
                try await Self.failure(path)
                    == "plugin P belongs to user 12345, who could change it at any time; chown it to root or to the user "
                    + "that runs Octavo")
        }
    }

    @Test("when it asks for an executable stack")
    func stack() async throws {
        #expect(
            try await Self.failure(Fixtures.broken(0, ["-Wl,-z,execstack"]))
                == "plugin P asks for an executable stack; link it with -z noexecstack")
    }

    @Test("when a library that it needs is missing")
    func missingLibrary() async throws {
        let library = Fixtures.build("libgone", "dependency.c", ["-DDEPENDENCY=\"1\"", "-Wl,-soname,libgone.so"])
        let plugin = Fixtures.build("needy", "broken.c", ["-DCASE=0", "-Wl,--no-as-needed", library])
        #expect(
            try await Self.failure(plugin)
                == "plugin P can't be loaded: libgone.so: cannot open shared object file: No such file or directory")
    }

    @Test("and no cut of a file, and no byte of it changed, harms the inspection")
    func cutAndChanged() throws {
        let sound = readFile(Fixtures.store())
        var rejected = 0
        // Every length up to where the headers and tables are, then in steps.
        for length in Array(0..<4096) + Array(stride(from: 4096, to: sound.count, by: 61)) {
            if (try? PluginInspection(path: "p.so", bytes: Array(sound.prefix(length)), identity: FileIdentity())) == nil {
                rejected += 1
            }
        }
        #expect(rejected > 4000)
        let seed: UInt64 = 20_261_123
        var random = seed
        for _ in 0..<4000 {
            var bytes = sound
            for _ in 0..<3 {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                // Half of the changes go to the headers.
                let range = random >> 63 == 0 ? min(1024, bytes.count) : bytes.count
                bytes[Int(random >> 20) % range] = UInt8(truncatingIfNeeded: random >> 8)
            }
            _ = try? PluginInspection(path: "p.so", bytes: bytes, identity: FileIdentity())
        }
    }
}
