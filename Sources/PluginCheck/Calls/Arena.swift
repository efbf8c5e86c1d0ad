package import COctavo
import Glibc

/// Memory of a request: slices of Swift values that stay until the arena goes.
package final class Arena {
    /// Where a slice lies.
    package enum Placement: Sendable {
        /// Anywhere.
        case heap
        /// With its last byte before a page that can't be read, so that a plugin that reads past the end faults.
        case beforeGuard
    }

    private let placement: Placement
    private var blocks: [UnsafeMutableRawBufferPointer] = []
    private var mappings: [UnsafeMutableRawBufferPointer] = []

    package init(_ placement: Placement = .heap) { self.placement = placement }

    deinit {
        for block in blocks { block.deallocate() }
        for mapping in mappings { munmap(mapping.baseAddress, mapping.count) }
    }

    /// Zeroed room for `count` bytes; at least one.
    package func reserve(_ count: Int) -> UnsafeMutableRawPointer {
        guard case .beforeGuard = placement else {
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 16)
            memset(block.baseAddress.unsafelyUnwrapped, 0, block.count)
            blocks.append(block)
            return block.baseAddress.unsafelyUnwrapped
        }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let room = (max(count, 1) + page - 1) / page * page
        guard let memory = mmap(nil, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != UnsafeMutableRawPointer(bitPattern: -1)
        else { fatalError("no memory for a request of \(count) bytes") }
        mprotect(memory + room, page, PROT_NONE)
        mappings.append(UnsafeMutableRawBufferPointer(start: memory, count: room + page))
        return memory + (room - count)
    }

    private func keep(_ bytes: [UInt8]) -> UnsafeRawPointer {
        let memory = reserve(bytes.count)
        bytes.withUnsafeBytes { if let from = $0.baseAddress { memcpy(memory, from, $0.count) } }
        return UnsafeRawPointer(memory)
    }

    /// Text, absent when it is nil.
    package func str(_ text: String?) -> octavo_str {
        guard let text else { return octavo_str(data: nil, size: 0) }
        return str(Array(text.utf8))
    }

    /// Text of any bytes.
    package func str(_ bytes: [UInt8]) -> octavo_str {
        octavo_str(data: keep(bytes).assumingMemoryBound(to: CChar.self), size: UInt64(bytes.count))
    }

    /// Bytes, absent when they are nil.
    package func bytes(_ value: [UInt8]?) -> octavo_bytes {
        guard let value else { return octavo_bytes(data: nil, size: 0) }
        return octavo_bytes(data: keep(value).assumingMemoryBound(to: UInt8.self), size: UInt64(value.count))
    }

    /// A list of these structures.
    package func list<Element>(_ items: [Element]) -> octavo_list {
        let stride = MemoryLayout<Element>.stride
        let memory = reserve(items.count * stride).bindMemory(to: Element.self, capacity: max(items.count, 1))
        memory.initialize(from: items, count: items.count)
        return octavo_list(items: UnsafeRawPointer(memory), count: UInt32(items.count), stride: UInt32(stride))
    }
}
