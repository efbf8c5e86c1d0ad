import PluginKeys
import PluginKit

/// Tells whether a file is still the one that was read.
struct FileVersion: Equatable {
    private var device: UInt64 = 0
    private var number: UInt64 = 0
    private var size: Int64 = 0
    private var seconds: Int = 0
    private var nanoseconds: Int = 0

    init() {}

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = Int(status.st_mtim.tv_sec)
        nanoseconds = Int(status.st_mtim.tv_nsec)
    }

    /// Of an open file; the zero version when the kernel can't say.
    init(descriptor: Int32) {
        var status = stat()
        self = fstat(descriptor, &status) == 0 ? FileVersion(status) : FileVersion()
    }

    /// All bytes of an open file. Throws the end of a sentence: "it …".
    static func read(_ descriptor: Int32, limit: Int) throws(PluginError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        defer { wipe(&chunk) }
        while true {
            let count = chunk.withUnsafeMutableBytes { PluginKit.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                let number = plugin_kit_errno()
                if number == EINTR { continue }
                throw .invalid("it can't be read: \(PluginError.text(ofErrno: number))")
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= limit else { throw .invalid("it is bigger than \(limit) bytes") }
        }
    }
}
