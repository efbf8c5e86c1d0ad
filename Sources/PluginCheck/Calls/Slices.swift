package import COctavo

/// A copy of the bytes; nil when they are absent.
package func bytes(_ slice: octavo_bytes) -> [UInt8]? {
    slice.data == nil ? nil : [UInt8](UnsafeBufferPointer(start: slice.data, count: Int(slice.size)))
}

/// A copy of the text; nil when it is absent.
package func text(_ slice: octavo_str) -> String? {
    guard let data = slice.data else { return nil }
    return String(decoding: UnsafeRawBufferPointer(start: data, count: Int(slice.size)), as: UTF8.self)
}

/// Copies of the elements; the slices in them stay borrowed.
package func elements<Element>(_ list: octavo_list, of type: Element.Type) -> [Element] {
    guard let items = list.items else { return [] }
    return (0..<Int(list.count)).map {
        (items + $0 * Int(list.stride)).assumingMemoryBound(to: type).pointee
    }
}
