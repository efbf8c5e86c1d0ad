/// One value of a YAML document, with the place where it was written. Scalars keep their text: `on`,
/// `1e3` and `012` are what the author wrote, whatever type YAML sees in them.
package struct YAMLNode: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        case scalar(String, ScalarStyle)
        case sequence([YAMLNode])
        /// In the order of the text; names are unique.
        case mapping([YAMLMember])
    }

    /// How a scalar was written. Only plain ones can mean null, a boolean or a number.
    package enum ScalarStyle: Sendable, Equatable {
        case plain, singleQuoted, doubleQuoted, literal, folded
    }

    package var content: Content
    package var mark: SourceMark
    /// An explicit tag (`tag:yaml.org,2002:str` for `!!str`), else nil.
    package var tag: String?

    package init(_ content: Content, mark: SourceMark, tag: String? = nil) {
        self.content = content
        self.mark = mark
        self.tag = tag
    }
}

/// A name and its value in a mapping.
package struct YAMLMember: Sendable, Equatable {
    package var name: String
    /// Where the name stands.
    package var mark: SourceMark
    package var value: YAMLNode

    package init(name: String, mark: SourceMark, value: YAMLNode) {
        self.name = name
        self.mark = mark
        self.value = value
    }
}

extension YAMLNode {
    /// The text of a scalar, exactly as written.
    package var scalar: String? { if case .scalar(let text, _) = content { text } else { nil } }

    package var items: [YAMLNode]? { if case .sequence(let items) = content { items } else { nil } }

    package var members: [YAMLMember]? { if case .mapping(let members) = content { members } else { nil } }

    /// The value of a mapping's member of that name.
    package subscript(_ name: String) -> YAMLNode? { members?.first { $0.name == name }?.value }

    /// Nothing was written, or a plain `~` or `null` (YAML 1.2.2 §10.2.1.1).
    package var isNull: Bool {
        guard case .scalar(let text, .plain) = content, tag == nil || tag == "tag:yaml.org,2002:null" else {
            return false
        }
        return text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }

    /// `true` and `false` in any of YAML 1.1's spellings, quoted or not, as Dapr takes them.
    package var boolean: Bool? {
        switch scalar?.lowercased() {
        case "true", "yes", "on", "y": true
        case "false", "no", "off", "n": false
        default: nil
        }
    }

    /// What it is, for messages.
    package var kindName: String {
        switch content {
        case .scalar: isNull ? "nothing" : "a text"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// This node with another over it: members of both mappings are combined, anything else is replaced
    /// by the later one. That is how Dapr reads several configuration files.
    package func overlaid(with later: YAMLNode) -> YAMLNode {
        guard case .mapping(var mine) = content, case .mapping(let theirs) = later.content else { return later }
        for member in theirs {
            if let index = mine.firstIndex(where: { $0.name == member.name }) {
                mine[index].value = mine[index].value.overlaid(with: member.value)
            } else {
                mine.append(member)
            }
        }
        return YAMLNode(.mapping(mine), mark: mark, tag: tag)
    }
}
