/// What the content type of an event says about its data. Source: Dapr's CloudEvents envelope.
enum ContentKind: Sendable {
    case json
    /// A whole CloudEvent in JSON.
    case cloudEvent
    case text
    case binary

    /// Parameters (`; charset=…`) and case don't matter.
    init(_ type: String) {
        if let usual = Self.usual(type.utf8.count, { type == $0 }) {
            self = usual
            return
        }
        let name = type.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
        switch name {
        case "application/cloudevents+json": self = .cloudEvent
        case "application/json": self = .json
        case "application/octet-stream", "application/cloudevents+protobuf": self = .binary
        default: self = name.hasPrefix("application/") && name.hasSuffix("+json") ? .json : .text
        }
    }

    /// The same for UTF-8 text.
    init(utf8 type: UnsafeRawBufferPointer) {
        self =
            Self.usual(type.count) { name in name.utf8.elementsEqual(type) } ?? ContentKind(String(decoding: type, as: UTF8.self))
    }

    /// As most are written.
    private static func usual(_ count: Int, _ equals: (String) -> Bool) -> ContentKind? {
        switch count {
        case 0: .text
        case 10: equals("text/plain") ? .text : nil
        case 16: equals("application/json") ? .json : nil
        default: nil
        }
    }
}
