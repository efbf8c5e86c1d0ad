import PluginKit

/// How the address of an app is made of its id: text with `{{.ID}}`, `{{.Namespace}}` and `{{.Port}}` in it.
struct AddressTemplate {
    private enum Part {
        case text([UInt8])
        case id
        case namespace
        case port
    }

    private var parts: [Part] = []

    init(_ text: [UInt8]) throws(PluginError) {
        var rest = text[...]
        while let open = AddressTemplate.place(of: 0x7B, in: rest) {
            if open > rest.startIndex { parts.append(.text([UInt8](rest[..<open]))) }
            guard let close = AddressTemplate.place(of: 0x7D, in: rest[(open + 2)...]) else {
                throw .invalid("template has a {{ without its }}.")
            }
            let name = rest[(open + 2)..<close].filter { $0 != 0x20 }
            if name.equals(".ID") {
                parts.append(.id)
            } else if name.equals(".Namespace") {
                parts.append(.namespace)
            } else if name.equals(".Port") {
                parts.append(.port)
            } else {
                throw .invalid(
                    "template has {{\(String(decoding: name, as: UTF8.self))}}, which is not known here: {{.ID}}, {{.Namespace}} and {{.Port}} are.")
            }
            rest = rest[(close + 2)...]
        }
        if !rest.isEmpty { parts.append(.text([UInt8](rest))) }
        guard parts.contains(where: { if case .id = $0 { true } else { false } }) else {
            throw .invalid("template has no {{.ID}} in it: all apps would be one.")
        }
    }

    /// Of two such bytes.
    private static func place(of byte: UInt8, in text: ArraySlice<UInt8>) -> Int? {
        var at = text.startIndex
        while at + 1 < text.endIndex {
            if text[at] == byte, text[at + 1] == byte { return at }
            at += 1
        }
        return nil
    }

    /// The host and the port; `port` where the template has none.
    func address(_ app: [UInt8], _ namespace: [UInt8], _ port: Int) throws(PluginError) -> NameAddress {
        var text: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let bytes): text += bytes
            case .id: text += app
            case .namespace: text += namespace
            case .port: Decimal.append(Int64(port), to: &text)
            }
        }
        let found = text.contains(0x3A) ? text.withUnsafeBytes { NameAddress(Str($0)) } : NameAddress(host: text, port: port)
        guard let found else { throw .invalid("template makes \(String(decoding: text, as: UTF8.self)) of it, which is no address.") }
        return found
    }
}
