import COctavo
import COctavoHost
import Glibc

/// What the file of a runtime's flight recorder says after the runtime's end, checked.
package struct FlightRecord: Sendable {
    /// Why a file can't be used.
    package enum Fault: Error, Sendable, Equatable, CustomStringConvertible {
        case unreadable(cause: String)
        case length(bytes: Int)
        case foreign
        case otherVersion
        case count
        case text

        package var description: String {
            switch self {
            case .unreadable(let cause): "it can't be read: \(cause)"
            case .length(let bytes): "it has \(bytes) bytes, and must have \(FlightRecord.size)"
            case .foreign: "it is not a flight recorder's"
            case .otherVersion: "another version of the runtime has written it"
            case .count: "a number in it is beyond what there may be"
            case .text: "a text in it does not end, or can't be shown"
            }
        }
    }

    /// Whose fault the end was.
    package struct Culprit: Sendable, Equatable {
        package var plugin: String
        package var version: String
        /// Of the file; empty when it has none.
        package var build: String
    }

    package let processID: Int32
    /// Of the runtime.
    package let version: String
    /// `nil` when it left no record: it was killed, or the machine stopped.
    package private(set) var crash: CrashFacts?
    /// `nil`: no plugin's.
    package private(set) var culprit: Culprit?

    static let size =
        MemoryLayout<octavo_recorder>.size + Int(OCTAVO_RECORDER_PLUGINS) * MemoryLayout<octavo_recorded_plugin>.size
        + Int(OCTAVO_RECORDER_INSTANCES) * MemoryLayout<octavo_recorded_instance>.size

    /// Reads a file whose writer is dead.
    package init(path: String) throws(Fault) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(cause: systemError(errno)) }
        defer { close(descriptor) }
        // One more shows that it is too long.
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.size + 1) { buffer, count in
            while count < buffer.count {
                let got = Glibc.read(descriptor, buffer.baseAddress.unsafelyUnwrapped + count, buffer.count - count)
                if got <= 0 { break }
                count += got
            }
        }
        try self.init(bytes)
    }

    package init(_ bytes: [UInt8]) throws(Fault) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, Self.size), alignment: 16)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        switch octavo_recorder_check(copy.baseAddress.unsafelyUnwrapped, UInt64(bytes.count)) {
        case OCTAVO_RECORDER_GOOD: break
        case OCTAVO_RECORDER_SHORT: throw .length(bytes: bytes.count)
        case OCTAVO_RECORDER_FOREIGN: throw .foreign
        case OCTAVO_RECORDER_OTHER: throw .otherVersion
        case OCTAVO_RECORDER_COUNT: throw .count
        default: throw .text
        }
        let recorder = UnsafePointer(copy.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: octavo_recorder.self))
        processID = recorder.pointee.pid
        version = text(of: recorder.pointee.runtime)
        if recorder.pointee.box.written == 1 { read(recorder) }
    }

    private mutating func read(_ recorder: UnsafePointer<octavo_recorder>) {
        let box = recorder.pointee.box
        var facts = CrashFacts(box, program: "octavo")
        let wasSent = box.signal != 0 && box.code == SI_USER && box.sender != processID
        let instance = box.is_inside == 1 ? octavo_recorder_instance(recorder, box.instance) : nil
        let plugin = wasSent ? nil : Self.plugin(recorder, box, instance, facts.frames)
        if let plugin {
            culprit = Culprit(
                plugin: text(of: plugin.pointee.id), version: text(of: plugin.pointee.version), build: text(of: plugin.pointee.build))
            facts.generation = Int(plugin.pointee.generation)
        }
        facts.isInProcess = true
        facts.plugin = culprit?.plugin ?? FlightRecord.runtime
        facts.version = culprit?.version ?? version
        facts.processID = processID
        facts.time = Double(box.time_ns) / 1e9
        facts.uptimeSeconds = max(0, Double(box.time_ns) - Double(recorder.pointee.started_ns)) / 1e9
        facts.signal = box.signal
        if let instance {
            facts.component = text(of: instance.pointee.component)
            if box.has_call == 1, let kind = octavo_kind_at(instance.pointee.kind), box.op < kind.pointee.op_count {
                facts.operation = String(cString: kind.pointee.ops[Int(box.op)].name)
                facts.requestBytes = Int(clamping: box.request_bytes)
            }
        }
        facts.cause = Self.cause(box, wasSent: wasSent, culprit)
        facts.nameFrames()
        crash = facts
    }

    /// What a report calls the runtime itself.
    package static let runtime = "octavo"

    /// The plugin inside of which the thread was; else the one whose object the innermost frames are in, those of the
    /// system's libraries left out.
    private static func plugin(
        _ recorder: UnsafePointer<octavo_recorder>, _ box: octavo_black_box, _ instance: UnsafePointer<octavo_recorded_instance>?,
        _ frames: [CrashFacts.Frame]
    ) -> UnsafePointer<octavo_recorded_plugin>? {
        if let instance { return octavo_recorder_plugin(recorder, instance.pointee.plugin) }
        if box.is_inside == 1, box.instance & OCTAVO_RECORDER_OF_PLUGIN != 0 {
            return octavo_recorder_plugin(recorder, box.instance & ~OCTAVO_RECORDER_OF_PLUGIN)
        }
        guard let innermost = frames.first(where: { !$0.path.isEmpty && !isOfSystem($0.path) }) else { return nil }
        return (1...OCTAVO_RECORDER_PLUGINS).lazy.compactMap { octavo_recorder_plugin(recorder, $0) }
            .first { text(of: $0.pointee.path) == innermost.path }
    }

    private static func isOfSystem(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        let system = ["libc.", "libc-", "ld-", "ld.", "libpthread", "libgcc_s", "libm.", "libstdc++", "linux-vdso"]
        return system.contains { name.hasPrefix($0) }
    }

    private static func cause(_ box: octavo_black_box, wasSent: Bool, _ culprit: Culprit?) -> String {
        let place: String
        switch (culprit, Int32(bitPattern: box.kind)) {
        case (nil, _): place = "in the runtime itself"
        case (_, Int32(OCTAVO_BUSY_CONTROL)): place = "in the runtime's process, while the plugin was started, stopped or checked"
        default: place = "in the runtime's process"
        }
        if box.signal == 0 { return "it ended the process by exit(), \(place)" }
        let name = signalName(box.signal)
        if wasSent { return "\(name), sent by process \(box.sender)" }
        return box.code > 0 ? "\(name) at address 0x\(String(box.address, radix: 16)), \(place)" : "\(name), \(place)"
    }
}

/// Text of a C array of a checked record, up to its NUL.
private func text<Characters>(of characters: Characters) -> String {
    withUnsafeBytes(of: characters) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
}
