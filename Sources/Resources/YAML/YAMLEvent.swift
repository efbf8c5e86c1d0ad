/// What libyaml says about the text, one piece at a time, in Swift's terms.
struct YAMLEvent {
    enum Kind {
        case documentStart
        case documentEnd
        case alias(String)
        case scalar(String, YAMLNode.ScalarStyle)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
        case streamEnd
    }

    var kind: Kind
    var mark: SourceMark
    /// `&name` before a node.
    var anchor: String?
    var tag: String?
}
