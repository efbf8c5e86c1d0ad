package import COctavo
import Glibc

/// How the slices of a made-up request look.
package enum RequestShape: String, Sendable, CaseIterable {
    /// Short texts, one element a list.
    case plain
    /// Every optional slice and list is absent.
    case absent
    /// Every slice is there and empty.
    case empty
    /// Bytes that are no text: NUL, invalid UTF-8.
    case bytes
    /// A mebibyte each.
    case huge
    /// A thousand elements a list.
    case many

    /// For sentences: "get with …".
    package var text: String {
        switch self {
        case .plain: "plain values"
        case .absent: "every slice absent"
        case .empty: "empty slices"
        case .bytes: "NUL and bytes that are not UTF-8"
        case .huge: "slices of 1 MiB"
        case .many: "lists of 1000 elements"
        }
    }
}

/// Makes requests of any operation out of the layout table.
package struct RequestMaker {
    package let shape: RequestShape
    package let arena: Arena
    /// What plain texts begin with, so that they are nobody's data.
    package let scope: String

    package init(_ shape: RequestShape, in arena: Arena, scope: String = "octavo-check-") {
        (self.shape, self.arena, self.scope) = (shape, arena, scope)
    }

    /// A structure of the layout with its size in front, as a request begins.
    package func request(_ layout: UnsafePointer<octavo_layout>) -> UnsafeMutableRawPointer {
        let memory = arena.reserve(Int(layout.pointee.size))
        fill(memory, layout, depth: 0)
        memory.storeBytes(of: layout.pointee.size, as: UInt32.self)
        return memory
    }

    private func fill(_ memory: UnsafeMutableRawPointer, _ layout: UnsafePointer<octavo_layout>, depth: Int) {
        for index in 0..<Int(layout.pointee.member_count) {
            guard let member = layout.pointee.members?[index] else { continue }
            let place = memory + Int(member.offset)
            switch member.kind {
            case UInt32(OCTAVO_MEMBER_BYTES), UInt32(OCTAVO_MEMBER_STR):
                guard let value = value(String(cString: member.name)) else { continue }
                place.storeBytes(of: arena.bytes(value), as: octavo_bytes.self)
            case UInt32(OCTAVO_MEMBER_LIST):
                guard let element = member.element, shape != .absent else { continue }
                place.storeBytes(of: list(element, depth: depth + 1), as: octavo_list.self)
            case UInt32(OCTAVO_MEMBER_STRUCT):
                if let element = member.element { fill(place, element, depth: depth + 1) }
            default: continue
            }
        }
    }

    private func list(_ element: UnsafePointer<octavo_layout>, depth: Int) -> octavo_list {
        // Lists of lists would grow without end.
        let count = shape == .empty ? 0 : shape == .many && depth <= 1 ? 1000 : depth <= 3 ? 1 : 0
        let stride = Int(element.pointee.size)
        guard count > 0 else { return octavo_list(items: nil, count: 0, stride: UInt32(stride)) }
        let memory = arena.reserve(count * stride)
        for index in 0..<count { fill(memory + index * stride, element, depth: depth) }
        return octavo_list(items: UnsafeRawPointer(memory), count: UInt32(count), stride: UInt32(stride))
    }

    /// Nil: absent.
    private func value(_ member: String) -> [UInt8]? {
        switch shape {
        // A token or an etag that nobody has given out is a lie, not plain.
        case .plain, .many:
            ["token", "etag", "trace_parent"].contains(member) ? nil : Array((scope + member).utf8)
        case .absent: nil
        case .empty: []
        case .bytes: Array(scope.utf8) + [0, 0xFF, 0xC3, 0x28, 0, 0x0A]
        case .huge: Array(scope.utf8) + [UInt8](repeating: 0x61, count: 1 << 20)
        }
    }
}

/// An operation of a type that made-up requests can be sent to.
struct CheckedOperation: Sendable {
    let number: Int32
    let name: String
    let feature: UInt64

    /// Why no made-up request is sent to it; nil when one is.
    let omitted: String?

    /// All of the kind.
    static func all(kind: Int32) -> [CheckedOperation] {
        let isConfiguration = kind == OCTAVO_KIND_CONFIGURATION
        guard let kind = octavo_kind_at(kind)?.pointee else { return [] }
        return (0..<Int(kind.op_count)).map { index in
            let op = kind.ops[index]
            let name = String(cString: op.name)
            var omitted: String?
            // A source outlives its call, and so does a stream.
            if op.reply == nil || ["subscribe", "unsubscribe", "watch", "unwatch", "read"].contains(name) {
                omitted = "it belongs to a source"
            }
            return CheckedOperation(number: Int32(index), name: name, feature: op.feature, omitted: omitted,
                removesAll: name == "remove_prefix" || name == "remove" && isConfiguration)
        }
    }

    /// Whether it takes keys, none for all of them.
    let removesAll: Bool

    /// A request that would touch data of others.
    func isDangerous(_ shape: RequestShape) -> Bool { removesAll && (shape == .absent || shape == .empty) }
}
