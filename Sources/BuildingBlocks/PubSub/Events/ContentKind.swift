/// What the content type of an event says about its data. Source: Dapr's CloudEvents envelope.
enum ContentKind: Sendable {
    case json
    /// A whole CloudEvent in JSON.
    case cloudEvent
    case text
    case binary

    /// Parameters (`; charset=…`) and case don't matter.
    init(_ type: String) {
        // As most are written.
        switch type {
        case "", "text/plain":
            self = .text
            return
        case "application/json":
            self = .json
            return
        default: break
        }
        let name = type.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
        switch name {
        case "application/cloudevents+json": self = .cloudEvent
        case "application/json": self = .json
        case "application/octet-stream", "application/cloudevents+protobuf": self = .binary
        default: self = name.hasPrefix("application/") && name.hasSuffix("+json") ? .json : .text
        }
    }
}
