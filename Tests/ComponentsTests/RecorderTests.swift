import COctavo
import COctavoHost
import COctavoRing
import Glibc
import Testing

@testable import Components

/// The file of a flight recorder, as a runtime that died would have left it.
struct RecordFile {
    var bytes: [UInt8]

    static let plugins = MemoryLayout<octavo_recorder>.size
    static let instances = plugins + Int(OCTAVO_RECORDER_PLUGINS) * MemoryLayout<octavo_recorded_plugin>.size

    /// Plugin 1 is `redis` with instance 3, the component `orders`; the thread was in a call of it.
    init() {
        bytes = [UInt8](repeating: 0, count: FlightRecord.size)
        change { it in
            it.magic = OCTAVO_RECORDER_MAGIC
            it.version = UInt32(OCTAVO_RECORDER_VERSION)
            it.size = UInt64(FlightRecord.size)
            it.pid = 4711
            it.started_ns = 1_700_000_000_000_000_000
            it.box.written = 1
            it.box.signal = SIGSEGV
            it.box.code = 1
            it.box.address = 0x10
            it.box.time_ns = it.started_ns + 5_000_000_000
            it.box.is_inside = 1
            it.box.has_call = 1
            it.box.instance = 3
            it.box.op = 0
            it.box.kind = UInt32(OCTAVO_BUSY_INLINE)
            it.box.request_bytes = 96
            it.box.counter = 0x7100
            it.box.module_count = 3
            it.box.modules.0.base = 0x1000
            it.box.modules.0.end = 0x2000
            it.box.modules.1.base = 0x7000
            it.box.modules.1.end = 0x8000
            it.box.modules.2.base = 0x9000
            it.box.modules.2.end = 0xa000
            Self.put("/usr/bin/octavo", &it.box.modules.0.path)
            Self.put("/data/plugins/1/redis@2/redis.so", &it.box.modules.1.path)
            Self.put("/lib/libc.so.6", &it.box.modules.2.path)
            it.box.frame_count = 4
            it.box.frames.0 = 0x1001
            it.box.frames.1 = 0x9001
            it.box.frames.2 = 0x7100
            it.box.frames.3 = 0x1500
            Self.put("0.1.0", &it.runtime)
        }
        bytes.withUnsafeMutableBytes { memory in
            let plugin = memory.baseAddress! + Self.plugins
            let at = plugin.assumingMemoryBound(to: octavo_recorded_plugin.self)
            at.pointee.generation = 2
            Self.put("redis", &at.pointee.id)
            Self.put("1.2.3", &at.pointee.version)
            Self.put("12ab", &at.pointee.build)
            Self.put("/data/plugins/1/redis@2/redis.so", &at.pointee.path)
            let instance = (memory.baseAddress! + Self.instances).assumingMemoryBound(to: octavo_recorded_instance.self) + 2
            instance.pointee.plugin = 1
            instance.pointee.kind = Int32(OCTAVO_KIND_STATE)
            Self.put("orders", &instance.pointee.component)
        }
    }

    mutating func change(_ body: (inout octavo_recorder) -> Void) {
        bytes.withUnsafeMutableBytes { body(&$0.baseAddress!.assumingMemoryBound(to: octavo_recorder.self).pointee) }
    }

    mutating func box(_ body: (inout octavo_black_box) -> Void) { change { body(&$0.box) } }

    mutating func changePlugin(_ body: (inout octavo_recorded_plugin) -> Void) {
        bytes.withUnsafeMutableBytes {
            body(&($0.baseAddress! + Self.plugins).assumingMemoryBound(to: octavo_recorded_plugin.self).pointee)
        }
    }

    mutating func changeInstance(_ body: (inout octavo_recorded_instance) -> Void) {
        bytes.withUnsafeMutableBytes {
            body(&(($0.baseAddress! + Self.instances).assumingMemoryBound(to: octavo_recorded_instance.self) + 2).pointee)
        }
    }

    static func put<Characters>(_ text: String, _ to: inout Characters) {
        withUnsafeMutableBytes(of: &to) { memory in
            for (index, byte) in Array(text.utf8).enumerated() where index < memory.count { memory[index] = byte }
        }
    }

    static func fill<Characters>(_ to: inout Characters, with byte: UInt8) {
        withUnsafeMutableBytes(of: &to) { memory in for index in memory.indices { memory[index] = byte } }
    }
}

@Suite("What the flight recorder of a dead runtime says")
struct FlightRecordTests {
    @Test("names plugin, component, operation and the place")
    func whole() throws {
        let record = try FlightRecord(RecordFile().bytes)
        #expect(record.culprit == FlightRecord.Culprit(plugin: "redis", version: "1.2.3", build: "12ab"))
        let crash = try #require(record.crash)
        #expect(crash.isInProcess && crash.plugin == "redis" && crash.version == "1.2.3" && crash.generation == 2)
        #expect(crash.processID == 4711 && crash.signal == SIGSEGV && crash.address == 0x10)
        #expect(crash.component == "orders" && crash.operation == "get" && crash.requestBytes == 96)
        #expect(crash.time == 1_700_000_005 && crash.uptimeSeconds == 5)
        #expect(crash.cause == "SIGSEGV at address 0x10, in the runtime's process")
        // Without the handler's own frames.
        #expect(crash.backtrace == ["redis.so+0x100", "octavo+0x500"])
    }

    typealias Change = @Sendable (inout RecordFile) -> Void

    struct Blamed: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let plugin: String?
        let change: Change
        init(_ name: String, _ plugin: String?, _ change: @escaping Change) {
            testDescription = name
            self.plugin = plugin
            self.change = change
        }
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fault: FlightRecord.Fault
        let change: Change
        init(_ name: String, _ fault: FlightRecord.Fault, _ change: @escaping Change) {
            testDescription = name
            self.fault = fault
            self.change = change
        }
    }

    @Test("blames the plugin whose code the thread was inside of, or is innermost but for the system's", arguments: [
        Blamed("a timer of its", "redis", { $0.box { $0.has_call = 0; $0.op = UInt32.max } }),
        Blamed("its loading", "redis", { $0.box { $0.has_call = 0; $0.kind = UInt32(OCTAVO_BUSY_CONTROL); $0.instance = OCTAVO_RECORDER_OF_PLUGIN | 1 } }),
        Blamed("a thread that it made", "redis", { $0.box { $0.is_inside = 0 } }),
        Blamed("a thread that it made, in the C library", "redis", { $0.box { $0.is_inside = 0; $0.counter = 0x9001 } }),
        Blamed("the runtime, outside of every plugin", nil, { $0.box { $0.is_inside = 0; $0.counter = 0x1500 } }),
        Blamed("the runtime, called by a plugin", "redis", { $0.box { $0.counter = 0x1500 } }),
        Blamed("a jump to nowhere, outside", nil, { $0.box { $0.is_inside = 0; $0.counter = 0; $0.frame_count = 0 } }),
        Blamed("an isolated plugin's proxy", nil, { $0.box { $0.instance = 0; $0.counter = 0x1500 } }),
        Blamed("an instance that is not there", nil, { $0.box { $0.instance = 1_000_000; $0.counter = 0x1500 } }),
        Blamed("a signal from outside", nil, { $0.box { $0.code = Int32(SI_USER); $0.sender = 99 } }),
        Blamed("a signal that it sent itself", "redis", { $0.box { $0.code = Int32(SI_USER); $0.sender = 4711 } }),
        Blamed("exit()", "redis", { $0.box { $0.signal = 0 } }),
    ])
    func blame(one: Blamed) throws {
        var file = RecordFile()
        one.change(&file)
        let record = try FlightRecord(file.bytes)
        #expect(record.culprit?.plugin == one.plugin)
        #expect(record.crash?.plugin == one.plugin ?? "octavo")
    }

    @Test("is nothing when it was killed: nobody is to blame")
    func killed() throws {
        var file = RecordFile()
        file.change { $0.box.written = 0 }
        let record = try FlightRecord(file.bytes)
        #expect(record.crash == nil && record.culprit == nil && record.processID == 4711)
    }

    @Test("is believed in nothing that can't be", arguments: [
        Bad("nothing", .length(bytes: 0), { $0.bytes = [] }),
        Bad("a byte", .length(bytes: 1), { $0.bytes = [1] }),
        Bad("cut", .length(bytes: FlightRecord.size - 1), { $0.bytes.removeLast() }),
        Bad("longer", .length(bytes: FlightRecord.size + 1), { $0.bytes.append(0) }),
        Bad("says another length", .length(bytes: FlightRecord.size), { $0.change { $0.size = UInt64.max } }),
        Bad("zeroes", .foreign, { $0.bytes = [UInt8](repeating: 0, count: FlightRecord.size) }),
        Bad("ones", .foreign, { $0.bytes = [UInt8](repeating: 255, count: FlightRecord.size) }),
        Bad("another magic", .foreign, { $0.change { $0.magic ^= 1 } }),
        Bad("another version", .otherVersion, { $0.change { $0.version += 1 } }),
        Bad("no process", .count, { $0.change { $0.pid = -1 } }),
        Bad("before 1970", .count, { $0.change { $0.started_ns = Int64.min } }),
        Bad("dead before 1970", .count, { $0.box { $0.time_ns = -1 } }),
        Bad("frames", .count, { $0.box { $0.frame_count = 65 } }),
        Bad("modules", .count, { $0.box { $0.module_count = UInt32.max } }),
        Bad("signal", .count, { $0.box { $0.signal = -11 } }),
        Bad("signal beyond", .count, { $0.box { $0.signal = 65 } }),
        Bad("kind", .count, { $0.box { $0.kind = 5 } }),
        Bad("written", .count, { $0.box { $0.written = 2 } }),
        Bad("generation", .count, { $0.changePlugin { $0.generation = UInt32.max } }),
        Bad("plugin of an instance", .count, { $0.changeInstance { $0.plugin = OCTAVO_RECORDER_PLUGINS + 1 } }),
        Bad("endless thread", .text, { $0.box { RecordFile.fill(&$0.thread_name, with: 65) } }),
        Bad("endless module", .text, { $0.box { RecordFile.fill(&$0.modules.1.path, with: 65) } }),
        Bad("endless boot", .text, { $0.change { RecordFile.fill(&$0.boot, with: 65) } }),
        Bad("endless runtime", .text, { $0.change { RecordFile.fill(&$0.runtime, with: 65) } }),
        Bad("endless id", .text, { $0.changePlugin { RecordFile.fill(&$0.id, with: 65) } }),
        Bad("no id", .text, { $0.changePlugin { RecordFile.fill(&$0.id, with: 0) } }),
        Bad("id that is a path", .text, { $0.changePlugin { RecordFile.put("a/../../b", &$0.id) } }),
        Bad("hidden id", .text, { $0.changePlugin { RecordFile.put("..", &$0.id) } }),
        Bad("endless version", .text, { $0.changePlugin { RecordFile.fill(&$0.version, with: 65) } }),
        Bad("version that moves a cursor", .text, { $0.changePlugin { RecordFile.put("\u{1b}[2J", &$0.version) } }),
        Bad("build of two lines", .text, { $0.changePlugin { RecordFile.put("a\nb", &$0.build) } }),
        Bad("endless path", .text, { $0.changePlugin { RecordFile.fill(&$0.path, with: 65) } }),
        Bad("endless component", .text, { $0.changeInstance { RecordFile.fill(&$0.component, with: 65) } }),
    ])
    func bad(one: Bad) {
        var file = RecordFile()
        one.change(&file)
        #expect(throws: one.fault) { try FlightRecord(file.bytes) }
        #expect(!one.fault.description.isEmpty)
    }

    @Test("does no harm whatever it says: a byte changed anywhere is a fault or a record")
    func anyByte() {
        let seed = UInt64.random(in: 1...1_000_000)
        var word = seed
        var faults = 0
        for _ in 0..<3000 {
            var file = RecordFile()
            for _ in 0..<4 {
                word ^= word << 13
                word ^= word >> 7
                word ^= word << 17
                // Most of the file is entries that nobody has.
                let area = word & 7 == 0 ? file.bytes.count : MemoryLayout<octavo_recorder>.size
                file.bytes[Int(word >> 8 % UInt64(area)) % area] = UInt8(truncatingIfNeeded: word >> 40)
            }
            do { _ = try FlightRecord(file.bytes) } catch { faults += 1 }
        }
        #expect(faults > 0 && faults < 3000, "seed \(seed)")
    }

    @Test("is found once, in the folder of a process that is dead; not in that of one that lives")
    func takeOver() throws {
        let folder = temporaryFolder("octavo-recorder")
        defer { removeTree(folder) }
        makeFolders(folder + "/recorder/dead")
        makeFolders(folder + "/recorder/spoilt")
        makeFolders(folder + "/recorder/ended")
        write(RecordFile().bytes, to: folder + "/recorder/dead/record")
        write([1, 2, 3], to: folder + "/recorder/spoilt/record")
        let living = try OwnedFolder(in: folder + "/recorder")
        write(RecordFile().bytes, to: living.path + "/record")
        let found = FlightRecorder.takeOver(dataFolder: folder)
        #expect(found.count == 2)
        #expect(found.contains { (try? $0.record.get())?.culprit?.plugin == "redis" })
        #expect(found.contains { $0.record == .failure(.length(bytes: 3)) })
        #expect(FlightRecorder.takeOver(dataFolder: folder).isEmpty)
        #expect(listFolder(folder + "/recorder")?.count == 1)
        #expect(FlightRecorder.takeOver(dataFolder: folder + "/nowhere").isEmpty)
    }

    @Test("is remembered of a plugin by its build, over restarts, until the operator speaks")
    func remembered() throws {
        let folder = temporaryFolder("octavo-crashed")
        defer { removeTree(folder) }
        var crashed = CrashedPlugins(dataFolder: folder)
        #expect(crashed.note(.init(plugin: "redis", version: "1.2.3", build: "12ab"), at: 1_795_449_600.7) == nil)
        #expect(crashed.note(.init(plugin: "odd", version: "1 \n2", build: ""), at: -5) == nil)
        var again = CrashedPlugins(dataFolder: folder)
        #expect(again.entries == crashed.entries)
        #expect(again.entries["redis"] == CrashedPlugins.Entry(time: 1_795_449_600, build: "build:12ab"))
        #expect(again.entries["odd"] == CrashedPlugins.Entry(time: 0, build: "version:1__2"))
        #expect(CrashedPlugins.reason(1_795_449_600) == "crashed the runtime on 2026-11-23 16:00:00 UTC")
        #expect(again.forget("redis") == nil && again.forget("nobody") == nil)
        #expect(CrashedPlugins(dataFolder: folder).entries.keys.sorted() == ["odd"])
        write(Array("x build:1 a\n5 build:2\n\n7 build:3 b c\n99999999999999999999 build:1 d\n-1 build:1 e\n".utf8), to: folder + "/crashed")
        #expect(CrashedPlugins(dataFolder: folder).entries == ["b c": .init(time: 7, build: "build:3")])
        write([0xff, 0x20, 0xfe], to: folder + "/crashed")
        #expect(CrashedPlugins(dataFolder: folder).entries.isEmpty)
    }
}

extension Result where Success == FlightRecord, Failure == FlightRecord.Fault {
    static func == (one: Self, other: Self) -> Bool {
        if case .failure(let a) = one, case .failure(let b) = other { return a == b }
        return false
    }
}

@Suite("In the runtime's process", .serialized)
struct StallTests {
    @Test("a thread that does not come back is told of once, shown, and forgotten when it does", arguments: [
        ("state.tests-only", "sleep:1500"), ("state.tests-only-reactor", "sleep:5600"), ("state.tests-only-blocking", "sleep:5700"),
    ])
    func stalls(type: String, key: String) async throws {
        _ = FlightRecorder.open(dataFolder: nil, version: "test")
        try await Harness.with(plugins: [Fixtures.testsOnly()]) { it in
            for loop in it.loops { try await loop.eventLoop.submit { FlightRecorder.loopBegan() }.get() }
            StallWatch.shared.start(logger: await it.store.logger)
            // A name of its own: what is counted is counted by name, in the whole process.
            let name = "stalls-" + type
            try await it.add(name, type)
            try await it.add("well", type)
            try #require(await it.reaches(name, "ready"))
            #expect(await it.facts(name)?.stalls == 0)
            let began = monotonicNanoseconds()
            let call = Task { try await it.get(name, key, timeout: .milliseconds(100)) }
            try #require(await it.reaches(name, "stalled"))
            let took = Double(monotonicNanoseconds() - began) / 1e9
            let limit = type == "state.tests-only" ? 1.0 : type == "state.tests-only-reactor" ? 5.0 : 5.1
            #expect(took >= limit - 0.2 && took < limit + 4, "after \(took) s")
            let facts = try #require(await it.facts(name))
            #expect(facts.isStalled && facts.stalls == 1 && facts.isReady)
            #expect(facts.reason.contains("inside of plugin tests-only, in get, for"), "\(facts.reason)")
            let plugin = try #require(await it.store.pluginFacts().first { $0.id == "tests-only" })
            #expect(plugin.state == "stalled" && plugin.reason.hasPrefix("component \(name): a thread ("))
            #expect(await it.facts("well")?.state == "ready")
            #expect(await it.reaches(name, "ready"))
            _ = await call.result
            let after = await it.facts(name)
            #expect(after?.stalls == 1 && after?.isStalled == false)
            #expect(await it.store.pluginFacts().first { $0.id == "tests-only" }?.state == "ready")
        }
    }
}
