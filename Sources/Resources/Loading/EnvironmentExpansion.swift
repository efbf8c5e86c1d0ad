/// Puts environment variables in place of `$NAME` and `${NAME}`, as Go's `os.ExpandEnv` does for Dapr's
/// configuration files. Works on single values, so that a variable can't change the document's shape.
struct EnvironmentExpansion {
    let environment: [String: String]

    /// The text with variables filled in, and the names of those that are not set: they leave nothing behind.
    func expand(_ text: String) -> (text: String, missing: [String]) {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return (text, []) }
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var missing: [String] = []
        var at = 0
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "$"), let (name, end) = name(bytes, at + 1) else {
                out.append(bytes[at])
                at += 1
                continue
            }
            if let value = environment[name] { out += Array(value.utf8) } else { missing.append(name) }
            at = end
        }
        return (String(decoding: out, as: UTF8.self), missing)
    }

    /// The tree with every scalar expanded; names stay.
    func expand(_ node: YAMLNode, _ report: inout Report) -> YAMLNode {
        var node = node
        switch node.content {
        case .scalar(let text, let style):
            let (expanded, missing) = expand(text)
            for name in missing {
                report.warning(node.mark, "the environment variable \(name) is not set; nothing is put in its place")
            }
            node.content = .scalar(expanded, style)
        case .sequence(let items): node.content = .sequence(items.map { expand($0, &report) })
        case .mapping(let members):
            node.content = .mapping(
                members.map { YAMLMember(name: $0.name, mark: $0.mark, value: expand($0.value, &report)) })
        }
        return node
    }

    /// The name behind a `$` and where it ends. A `$` without one stays, as in a regular expression.
    private func name(_ bytes: [UInt8], _ start: Int) -> (String, Int)? {
        let braced = start < bytes.count && bytes[start] == UInt8(ascii: "{")
        let first = braced ? start + 1 : start
        var end = first
        while end < bytes.count, isNamePart(bytes[end], first: end == first) { end += 1 }
        guard end > first else { return nil }
        if braced {
            guard end < bytes.count, bytes[end] == UInt8(ascii: "}") else { return nil }
        }
        return (String(decoding: bytes[first..<end], as: UTF8.self), braced ? end + 1 : end)
    }

    private func isNamePart(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): !first
        default: false
        }
    }
}
