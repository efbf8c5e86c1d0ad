/// The members of one mapping, read by name. Says what is of the wrong kind, and which names nobody reads.
struct Fields {
    /// `spec.metadata[2]`, for messages; empty for the document itself.
    let path: String
    /// Where the mapping starts; where its parent does when it is missing.
    let mark: SourceMark
    private let members: [YAMLMember]
    /// It is no mapping, which has been said: that its members are missing need not be.
    private let isOfWrongKind: Bool

    /// - Parameter known: every name that may stand here; nil when any may.
    init(_ node: YAMLNode?, path: String, in parent: SourceMark, known: [String]?, _ report: inout Report) {
        self.path = path
        mark = node?.mark ?? parent
        guard let node, !node.isNull else {
            members = []
            isOfWrongKind = false
            return
        }
        isOfWrongKind = node.members == nil
        guard let members = node.members else {
            report.error(node.mark, "\(path.isEmpty ? "the document" : path) must be a mapping, not \(node.kindName)")
            self.members = []
            return
        }
        self.members = members
        guard let known else { return }
        for member in members where !known.contains(member.name) {
            if report.isFull { break }
            // Go's decoder does not mind the case, so Dapr doesn't either.
            if let same = known.first(where: { $0.lowercased() == member.name.lowercased() }) {
                report.warning(member.mark, "\(at(member.name)) is read as \(same); write it so")
            } else {
                report.warning(
                    member.mark, "\(at(member.name)) is not known and not used\(Spelling.hint(member.name, in: known))")
            }
        }
    }

    /// A member's name with the path before it.
    func at(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// The member as written; nil when it is missing or null.
    subscript(_ name: String) -> YAMLNode? {
        let node =
            members.first { $0.name == name }?.value
            ?? members.first { $0.name.lowercased() == name.lowercased() }?.value
        return node.flatMap { $0.isNull ? nil : $0 }
    }

    /// Every member that has a value, for mappings whose names are the author's.
    var all: [(name: String, value: YAMLNode)] { members.filter { !$0.value.isNull }.map { ($0.name, $0.value) } }

    func fields(_ name: String, known: [String]?, _ report: inout Report) -> Fields {
        Fields(self[name], path: at(name), in: mark, known: known, &report)
    }

    func text(_ name: String, _ report: inout Report) -> String? {
        guard let node = self[name] else { return nil }
        guard let text = node.scalar else {
            report.error(node.mark, "\(at(name)) must be a text, not \(node.kindName)")
            return nil
        }
        return text
    }

    /// A text that must be there and not be empty.
    func requiredText(_ name: String, _ report: inout Report, hint: String) -> String? {
        if isOfWrongKind { return nil }
        let node = self[name]
        guard let text = text(name, &report), !text.isEmpty else {
            if node != nil, node?.scalar == nil { return nil }
            report.error(self[name]?.mark ?? mark, "\(at(name)) is missing; \(hint)")
            return nil
        }
        return text
    }

    func boolean(_ name: String, _ report: inout Report) -> Bool? {
        guard let node = self[name] else { return nil }
        guard let value = node.boolean else {
            report.error(node.mark, "\(at(name)) must be true or false, not \(shown(node))")
            return nil
        }
        return value
    }

    func integer(_ name: String, _ report: inout Report) -> Int? {
        guard let node = self[name] else { return nil }
        guard let value = node.scalar.flatMap({ Int($0) }) else {
            report.error(node.mark, "\(at(name)) must be a whole number, not \(shown(node))")
            return nil
        }
        return value
    }

    func duration(_ name: String, bareUnit: Duration? = nil, _ report: inout Report) -> Duration? {
        guard let node = self[name] else { return nil }
        guard let value = node.scalar.flatMap({ GoDuration.parse($0, bareUnit: bareUnit) }) else {
            report.error(node.mark, "\(at(name)) must be a duration such as 500ms, 10s or 1m30s, not \(shown(node))")
            return nil
        }
        return value
    }

    /// The items of a list; empty when it is missing.
    func items(_ name: String, _ report: inout Report) -> [YAMLNode] {
        guard let node = self[name] else { return [] }
        guard let items = node.items else {
            report.error(node.mark, "\(at(name)) must be a list ('- …' lines), not \(node.kindName)")
            return []
        }
        return items
    }

    /// A list of texts; empty when it is missing.
    func texts(_ name: String, _ report: inout Report) -> [String] {
        var texts: [String] = []
        for (index, item) in items(name, &report).enumerated() {
            if let text = item.scalar, !item.isNull {
                texts.append(text)
            } else {
                report.error(item.mark, "\(at(name))[\(index)] must be a text, not \(item.kindName)")
            }
        }
        return texts
    }

    /// A mapping of texts, such as annotations; empty when it is missing.
    func dictionary(_ name: String, _ report: inout Report) -> [String: String] {
        let fields = fields(name, known: nil, &report)
        var texts: [String: String] = [:]
        for member in fields.members {
            if let text = member.value.scalar {
                texts[member.name] = member.value.isNull ? "" : text
            } else {
                report.error(
                    member.value.mark, "\(fields.at(member.name)) must be a text, not \(member.value.kindName)")
            }
        }
        return texts
    }

    /// Only for settings that hold no secret.
    private func shown(_ node: YAMLNode) -> String { node.scalar.map { "\"\($0.prefix(80))\"" } ?? node.kindName }
}
