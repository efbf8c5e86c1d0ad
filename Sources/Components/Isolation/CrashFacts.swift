import COctavoIsolation
import Telemetry

/// How a process of an isolated plugin died, or the runtime of a plugin that ran in its own. Never a key, a value or a
/// setting.
package struct CrashFacts: Sendable {
    /// The process was the runtime itself.
    package var isInProcess = false
    package var plugin = ""
    package var version = ""
    package var generation = 0
    package var processID: Int32 = 0
    /// Seconds since 1970.
    package var time = wallSeconds()
    /// One sentence.
    package var cause = ""
    /// 0 when there was none.
    package var signal: Int32 = 0
    package var exitCode: Int32 = 0
    /// Of the fault; `nil` when the process left no record.
    package var address: UInt64?
    package var thread = ""
    /// `object+0xoffset name+0xoffset`, innermost first.
    package var backtrace: [String] = []
    /// Of the call that it died of; empty when that is not known.
    package var component = ""
    package var operation = ""
    package var requestBytes = 0
    /// The last lines that it logged: level and text.
    package var log: [String] = []
    /// Processor time of its life.
    package var cpuSeconds = 0.0
    /// Bytes of its own, when it was last looked at.
    package var memory: UInt64 = 0
    /// Open ones, when they were last counted.
    package var descriptors = 0
    package var limits: [String] = []
    /// How long the process had lived.
    package var uptimeSeconds = 0.0

    init() {}

    /// What the black box says; it is believed no more than any other word of a helper.
    init(_ box: octavo_black_box?, program: String = "octavo-plugin-host") {
        guard var box else { return }
        address = box.address
        thread = withUnsafeBytes(of: &box.thread_name) { CrashFacts.text($0) }
        let count = Int(box.frame_count)
        var frames = withUnsafeBytes(of: &box.frames) { Array($0.bindMemory(to: UInt64.self).prefix(count)) }
        // The handler's own lie above the one that failed.
        if let failed = frames.firstIndex(of: box.counter) { frames.removeFirst(failed) }
        if frames.isEmpty, box.counter != 0 { frames = [box.counter] }
        let moduleCount = Int(box.module_count)
        self.frames = withUnsafeBytes(of: &box.modules) { memory in
            let modules = memory.bindMemory(to: octavo_module.self).prefix(moduleCount)
            return frames.map { frame in
                guard let module = modules.first(where: { $0.base <= frame && frame < $0.end }) else {
                    return Frame(path: "", offset: frame)
                }
                var path = module.path
                let name = withUnsafeBytes(of: &path) { CrashFacts.text($0) }
                return Frame(path: name.isEmpty ? program : name, offset: frame - module.base)
            }
        }
    }

    /// The backtrace without the names of functions.
    var places: [String] { frames.map(BacktraceNames.place) }

    /// Reads the objects' files.
    mutating func nameFrames() {
        var names = BacktraceNames()
        backtrace = frames.map { names.text($0) }
    }

    /// A place in an object; the path is empty for one that is in none.
    struct Frame: Sendable {
        let path: String
        let offset: UInt64
    }
    private(set) var frames: [Frame] = []

    /// What the end says of the call and of the log.
    mutating func note(_ end: octavo_helper_end) {
        var end = end
        component = withUnsafeBytes(of: &end.component) { CrashFacts.text($0) }
        // Of a group's process the plugin whose call it was is more to the point.
        let culprit = withUnsafeBytes(of: &end.plugin) { CrashFacts.text($0) }
        if !culprit.isEmpty { plugin = culprit }
        cpuSeconds = Double(end.cpu_ns) / 1e9
        if end.kind != 0, let kind = octavo_kind_at(end.kind), end.op < kind.pointee.op_count {
            operation = String(cString: kind.pointee.ops[Int(end.op)].name)
            requestBytes = Int(end.request_bytes)
        }
        log = UnsafeBufferPointer(start: end.log, count: end.log == nil ? 0 : Int(end.log_count)).map { line in
            var text = line.text
            return "\(HostEvents.level(line.level)) " + withUnsafeBytes(of: &text) { LogRedaction.shared.mask(CrashFacts.text($0)) }
        }
    }

    /// Text up to its NUL.
    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
