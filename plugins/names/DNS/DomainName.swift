import PluginKit

/// A name of the DNS (RFC 1035): labels of up to 63 bytes, 255 bytes in all. Equal whatever the case of its letters.
struct DomainName: Equatable {
    /// As it stands in a message: each label after its length, then 0.
    let wire: [UInt8]
    /// The same in small letters.
    let folded: [UInt8]

    /// `wire` is whole and short enough.
    init(wire: [UInt8]) {
        self.wire = wire
        folded = wire.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    }

    /// `nil` when a label is empty or too long, or all of it is.
    init?(labels: [[UInt8]]) {
        var wire: [UInt8] = []
        for label in labels {
            guard !label.isEmpty, label.count <= 63 else { return nil }
            wire.append(UInt8(label.count))
            wire += label
        }
        wire.append(0)
        guard wire.count <= 255 else { return nil }
        self.init(wire: wire)
    }

    /// Of "a.b.c", with or without a dot at its end.
    init?(dotted text: [UInt8]) {
        let whole = text.last == 0x2E ? text.dropLast() : text[...]
        self.init(labels: whole.split(separator: 0x2E, omittingEmptySubsequences: false).map { [UInt8]($0) })
    }

    static func == (one: DomainName, other: DomainName) -> Bool { one.folded == other.folded }

    /// For messages.
    var text: String {
        var out: [UInt8] = [], at = 0
        while at < wire.count, wire[at] != 0 {
            let end = at + 1 + Int(wire[at])
            if at > 0 { out.append(0x2E) }
            out += wire[(at + 1)..<end].map { $0 > 0x20 && $0 < 0x7F ? $0 : 0x3F }
            at = end
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Whether it is a label before `parent`.
    func isChild(of parent: DomainName) -> Bool {
        guard let length = wire.first, length > 0 else { return false }
        return folded[(Int(length) + 1)...].elementsEqual(parent.folded)
    }
}
