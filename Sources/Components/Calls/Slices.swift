package import COctavo
import Glibc

// The one place where slices of the ABI become Swift values. A slice is borrowed: it is copied here
// or used before the call that gave it returns.

extension String {
    /// A copy; invalid UTF-8 is repaired.
    package init(_ slice: octavo_str) {
        guard let data = slice.data, slice.size > 0 else {
            self = ""
            return
        }
        self = String(
            decoding: UnsafeRawBufferPointer(start: data, count: Int(slice.size)), as: UTF8.self)
    }
}

extension octavo_str {
    package var isPresent: Bool { data != nil }
    /// The bytes, for as long as the slice is valid.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : Int(size)) }

    package func starts(with prefix: StaticString) -> Bool {
        guard size >= UInt64(prefix.utf8CodeUnitCount), let data else { return false }
        return memcmp(data, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0
    }
}

extension octavo_bytes {
    package var isPresent: Bool { data != nil }
    /// The bytes, for as long as the slice is valid.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : Int(size)) }
}

extension octavo_list {
    /// Element `index`, read with the writer's stride. The element's version-1 size must fit the stride.
    package func load<Element>(_ index: Int, as type: Element.Type) -> Element {
        items.unsafelyUnwrapped.loadUnaligned(fromByteOffset: index * Int(stride), as: type)
    }

    /// All elements, copied; the slices in them stay borrowed.
    package func elements<Element>(as type: Element.Type) -> [Element] {
        guard items != nil, Int(stride) >= MemoryLayout<Element>.size else { return [] }
        return (0..<Int(count)).map { load($0, as: type) }
    }
}
