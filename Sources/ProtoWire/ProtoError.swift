/// Why bytes are not a message.
package enum ProtoError: Error, Equatable, CustomStringConvertible {
    /// The bytes end within a field.
    case truncated
    /// A number is longer than ten bytes.
    case badVarint
    /// A tag has field number 0, a number that is too high, or an unknown wire type.
    case badTag
    /// A group ends that did not begin, or not with its own number.
    case badGroup
    /// Text is not UTF-8.
    case notUTF8(field: UInt32)
    /// Messages within messages, more than `ProtoReader.depthLimit`.
    case tooDeep

    /// A clause for the end of a sentence.
    package var description: String {
        switch self {
        case .truncated: "it ends within a field"
        case .badVarint: "a number in it is too long"
        case .badTag: "it has a field without a valid number and type"
        case .badGroup: "a group in it ends that did not begin"
        case .notUTF8(let field): "field \(field) is not UTF-8"
        case .tooDeep: "messages are nested more than \(ProtoReader.depthLimit) times in it"
        }
    }
}
