/// Builds the trees of one text's documents from events, within limits.
struct YAMLComposer: ~Copyable {
    private var events: YAMLEventSource
    private let limits: YAMLLimits
    /// Finished nodes by anchor, with their weight: what using them again costs.
    private var anchors: [String: (node: YAMLNode, weight: Int)] = [:]
    /// Anchors of the nodes being built; an alias to one of them would be its own part.
    private var openAnchors: Set<String> = []
    /// Nodes so far, aliases expanded.
    private var weight = 0

    init(_ events: consuming YAMLEventSource, limits: YAMLLimits) {
        self.events = events
        self.limits = limits
    }

    /// The next document; nil after the last.
    mutating func document() throws(YAMLError) -> YAMLNode? {
        while true {
            let event = try events.next()
            switch event.kind {
            case .streamEnd: return nil
            case .documentStart:
                anchors = [:]
                openAnchors = []
                weight = 0
                let node = try node(try events.next(), depth: 0)
                _ = try events.next()
                return node
            default: continue
            }
        }
    }

    private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLError) -> YAMLNode {
        guard depth < limits.depth else {
            throw YAMLError(event.mark, "mappings and lists are nested more than \(limits.depth) deep; flatten them")
        }
        let before = weight
        try count(1, event.mark)
        if let anchor = event.anchor { openAnchors.insert(anchor) }
        let node: YAMLNode
        switch event.kind {
        case .alias(let name): return try expand(name, event.mark)
        case .scalar(let text, let style):
            try count(text.utf8.count / 64, event.mark)
            node = YAMLNode(.scalar(text, style), mark: event.mark, tag: event.tag)
        case .sequenceStart:
            node = YAMLNode(.sequence(try items(depth: depth + 1)), mark: event.mark, tag: event.tag)
        case .mappingStart:
            node = YAMLNode(.mapping(try members(depth: depth + 1)), mark: event.mark, tag: event.tag)
        default: throw YAMLError(event.mark, "a value is expected here")
        }
        if let anchor = event.anchor {
            openAnchors.remove(anchor)
            anchors[anchor] = (node, weight - before)
        }
        return node
    }

    private mutating func count(_ more: Int, _ mark: SourceMark) throws(YAMLError) {
        weight += more
        guard weight <= limits.nodes else {
            throw YAMLError(
                mark, "the document is larger than \(limits.nodes) values with its aliases expanded; split it up")
        }
    }

    private mutating func expand(_ name: String, _ mark: SourceMark) throws(YAMLError) -> YAMLNode {
        guard !openAnchors.contains(name) else {
            throw YAMLError(mark, "the alias *\(name) stands within the value that it names; it can't contain itself")
        }
        guard let (node, cost) = anchors[name] else {
            throw YAMLError(mark, "the alias *\(name) has no anchor &\(name) before it; define the anchor first")
        }
        try count(cost, mark)
        return YAMLNode(node.content, mark: mark, tag: node.tag)
    }

    private mutating func items(depth: Int) throws(YAMLError) -> [YAMLNode] {
        var items: [YAMLNode] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { return items }
            items.append(try node(event, depth: depth))
        }
    }

    private mutating func members(depth: Int) throws(YAMLError) -> [YAMLMember] {
        var members: [YAMLMember] = []
        var lines: [String: Int] = [:]
        var merged: [YAMLNode] = []
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { break }
            let key = try node(event, depth: depth)
            guard case .scalar(let name, let style) = key.content else {
                throw YAMLError(
                    event.mark, "a name must be a text, not \(key.kindName); quote it if it starts with '[' or '{'")
            }
            let value = try node(try events.next(), depth: depth)
            // The merge key of YAML 1.1, which Dapr's reader knows.
            if name == "<<", style == .plain {
                merged += try sources(value)
                continue
            }
            if let line = lines.updateValue(event.mark.line, forKey: name) {
                throw YAMLError(event.mark, "\"\(name)\" is given twice, first at line \(line); keep one of them")
            }
            members.append(YAMLMember(name: name, mark: event.mark, value: value))
        }
        // A member of the mapping itself wins, then the earlier source.
        for source in merged {
            for member in source.members ?? [] where lines[member.name] == nil {
                lines[member.name] = member.mark.line
                members.append(member)
            }
        }
        return members
    }

    private func sources(_ value: YAMLNode) throws(YAMLError) -> [YAMLNode] {
        let sources = value.items ?? [value]
        guard sources.allSatisfy({ $0.members != nil }) else {
            throw YAMLError(value.mark, "'<<' takes in mappings only; give it an alias of a mapping")
        }
        return sources
    }
}
