@_exported public import COctavo
@_exported public import CPluginKit

/// Text of the ABI: UTF-8 that somebody else owns.
public typealias Str = octavo_str
/// Bytes of the ABI that somebody else owns.
public typealias Bytes = octavo_bytes

extension octavo_str {
    /// A literal; it lives as long as the plugin is loaded.
    @inline(__always)
    public init(_ literal: StaticString) {
        self.init(
            data: UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self),
            size: UInt64(literal.utf8CodeUnitCount))
    }

    @inline(__always)
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.init(data: bytes.baseAddress?.assumingMemoryBound(to: CChar.self), size: UInt64(bytes.count))
    }

    @inline(__always)
    public init(_ start: UnsafeRawPointer, _ count: Int) {
        self.init(data: start.assumingMemoryBound(to: CChar.self), size: UInt64(count))
    }

    /// No text at all, which is not the same as an empty one.
    public static var absent: octavo_str { octavo_str(data: nil, size: 0) }

    @inline(__always)
    public var isPresent: Bool { data != nil }
    public var isEmpty: Bool { size == 0 }
    @inline(__always)
    public var count: Int { Int(truncatingIfNeeded: size) }

    /// The bytes; empty when absent.
    @inline(__always)
    public var raw: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: count) }

    @inline(__always)
    public func equals(_ other: octavo_str) -> Bool {
        size == other.size && (size == 0 || memcmp(data!, other.data!, count) == 0)
    }

    public func equals(_ literal: StaticString) -> Bool { equals(octavo_str(literal)) }

    public func hasPrefix(_ prefix: octavo_str) -> Bool {
        prefix.size <= size && (prefix.size == 0 || memcmp(data!, prefix.data!, prefix.count) == 0)
    }

    /// A copy as a `String`: for messages and settings, not for the path of a request.
    public var string: String { String(decoding: raw, as: UTF8.self) }

    /// A copy of the bytes.
    public var array: [UInt8] { [UInt8](raw) }

    /// The whole text as a decimal number without sign.
    public var decimal: UInt64? {
        guard size > 0, size <= 20 else { return nil }
        var value: UInt64 = 0
        for byte in raw {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            let (high, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = high.addingReportingOverflow(UInt64(byte - 0x30))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }
}

extension [UInt8] {
    public func equals(_ literal: StaticString) -> Bool { withUnsafeBytes { Str($0).equals(literal) } }
}

extension octavo_bytes {
    @inline(__always)
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.init(data: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), size: UInt64(bytes.count))
    }

    @inline(__always)
    public init(_ start: UnsafeRawPointer, _ count: Int) {
        self.init(data: start.assumingMemoryBound(to: UInt8.self), size: UInt64(count))
    }

    public static var absent: octavo_bytes { octavo_bytes(data: nil, size: 0) }
    public var isPresent: Bool { data != nil }
    @inline(__always)
    public var count: Int { Int(truncatingIfNeeded: size) }
    @inline(__always)
    public var raw: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: count) }
}

extension octavo_list {
    public static var empty: octavo_list { octavo_list(items: nil, count: 0, stride: 0) }

    /// A list over an array in memory that outlives it.
    @inline(__always)
    public init<Element>(_ elements: UnsafeBufferPointer<Element>) {
        self.init(
            items: elements.isEmpty ? nil : UnsafeRawPointer(elements.baseAddress),
            count: UInt32(elements.count), stride: UInt32(MemoryLayout<Element>.stride))
    }

    /// Element `index`; the caller keeps `index` below `count`.
    @inline(__always)
    public func at<Element>(_ index: Int, as type: Element.Type) -> UnsafePointer<Element> {
        (items! + index * Int(stride)).assumingMemoryBound(to: Element.self)
    }

    /// The value of a pair, by its exact name; absent when there is none.
    public func pair(_ name: StaticString) -> octavo_str {
        var index = 0
        while index < Int(count) {
            let pair = at(index, as: octavo_pair.self)
            if pair.pointee.name.equals(name) { return pair.pointee.value }
            index += 1
        }
        return .absent
    }
}
