import PluginKit

/// A text of the plugin's own that the C side may look at for as long as this lives.
final class Name {
    private let memory: UnsafeMutableRawBufferPointer

    init(_ bytes: [UInt8]) {
        memory = .allocate(byteCount: max(bytes.count, 1), alignment: 1)
        size = bytes.count
        bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
    }

    private let size: Int

    deinit { memory.deallocate() }

    var str: Str { Str(UnsafeRawPointer(memory.baseAddress!), size) }
}
