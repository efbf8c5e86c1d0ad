import COctavo

/// What a call ended with, copied out of the plugin's memory.
struct PluginFailure: Error, CustomStringConvertible {
    var code: Int32
    var flags: UInt32
    var reason: String
    var message: String
    var index: Int?
    var description: String { "\(code) \(reason) \(message)" }
}

struct Item: Equatable {
    var key: String
    var value: [UInt8]?
    var etag: String?
    var expires: String?
    var errorCode: Int32 = 0
    var errorReason = ""
}

func bytes(_ slice: octavo_bytes) -> [UInt8]? {
    slice.data == nil ? nil : [UInt8](UnsafeBufferPointer(start: slice.data, count: Int(slice.size)))
}

func text(_ slice: octavo_str) -> String? {
    guard let data = slice.data else { return nil }
    return String(decoding: UnsafeRawBufferPointer(start: data, count: Int(slice.size)), as: UTF8.self)
}

func elements<Element>(_ list: octavo_list, of type: Element.Type) -> [Element] {
    (0..<Int(list.count)).map { (list.items! + $0 * Int(list.stride)).assumingMemoryBound(to: type).pointee }
}

func failure(_ error: octavo_error) -> PluginFailure {
    let details = elements(error.details, of: octavo_pair.self)
    let index = details.first { text($0.name) == "index" }.flatMap { text($0.value) }.flatMap { Int($0) }
    return PluginFailure(
        code: error.code, flags: error.flags, reason: text(error.reason) ?? "", message: text(error.message) ?? "",
        index: index)
}

/// Slices of Swift values that stay until the arena goes.
final class Arena {
    private var blocks: [UnsafeMutableRawBufferPointer] = []
    deinit { for block in blocks { block.deallocate() } }

    func keep(_ bytes: [UInt8]) -> UnsafeRawPointer {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
        block.copyBytes(from: bytes)
        blocks.append(block)
        return UnsafeRawPointer(block.baseAddress!)
    }

    func str(_ text: String?) -> octavo_str {
        guard let text else { return octavo_str(data: nil, size: 0) }
        let bytes = Array(text.utf8)
        return octavo_str(data: keep(bytes).assumingMemoryBound(to: CChar.self), size: UInt64(bytes.count))
    }

    func bytes(_ value: [UInt8]?) -> octavo_bytes {
        guard let value else { return octavo_bytes(data: nil, size: 0) }
        return octavo_bytes(data: keep(value).assumingMemoryBound(to: UInt8.self), size: UInt64(value.count))
    }

    func list<Element>(_ items: [Element]) -> octavo_list {
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(items.count, 1) * MemoryLayout<Element>.stride, alignment: 16)
        blocks.append(block)
        let memory = block.bindMemory(to: Element.self)
        _ = memory.initialize(from: items)
        return octavo_list(items: block.baseAddress, count: UInt32(items.count), stride: UInt32(MemoryLayout<Element>.stride))
    }
}
