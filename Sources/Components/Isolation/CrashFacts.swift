import COctavoIsolation

/// How a process of an isolated plugin died. Never a key, a value or a setting.
package struct CrashFacts: Sendable {
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
    /// `object+0xoffset`, innermost first.
    package var backtrace: [String] = []
    /// Bytes of its own, when it was last looked at.
    package var memory: UInt64 = 0
    /// Open ones, when they were last counted.
    package var descriptors = 0
    package var limits: [String] = []
    /// How long the process had lived.
    package var uptimeSeconds = 0.0

    init() {}

    /// What the black box says; it is believed no more than any other word of a helper.
    init(_ box: octavo_black_box?) {
        guard var box else { return }
        address = box.address
        thread = withUnsafeBytes(of: &box.thread_name) { CrashFacts.text($0) }
        let count = Int(box.frame_count)
        let frames = withUnsafeBytes(of: &box.frames) { Array($0.bindMemory(to: UInt64.self).prefix(count)) }
        let moduleCount = Int(box.module_count)
        backtrace = withUnsafeBytes(of: &box.modules) { memory in
            let modules = memory.bindMemory(to: octavo_module.self).prefix(moduleCount)
            return frames.map { frame in
                guard let module = modules.first(where: { $0.base <= frame && frame < $0.end }) else {
                    return "0x" + String(frame, radix: 16)
                }
                var path = module.path
                let name = withUnsafeBytes(of: &path) { CrashFacts.text($0) }
                let file = name.split(separator: "/").last.map(String.init) ?? "octavo-plugin-host"
                return "\(file)+0x\(String(frame - module.base, radix: 16))"
            }
        }
    }

    /// Text up to its NUL.
    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
