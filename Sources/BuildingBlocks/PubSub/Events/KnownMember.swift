import Glibc

/// The members of an event that are looked for in each one, known by their names once, when the event is read.
package enum KnownMember: Int {
    // In the order of `CloudEvent.known`.
    case id, source, type, specVersion, dataContentType, data, dataBase64, expiration

    init?(_ name: UnsafeRawBufferPointer) {
        guard let start = name.baseAddress else { return nil }
        let candidate: KnownMember
        switch name.count {
        case 2: candidate = .id
        case 4: candidate = name[0] == UInt8(ascii: "d") ? .data : .type
        case 6: candidate = .source
        case 10: candidate = .expiration
        case 11: candidate = name[0] == UInt8(ascii: "d") ? .dataBase64 : .specVersion
        case 15: candidate = .dataContentType
        default: return nil
        }
        guard memcmp(start, candidate.name.utf8Start, name.count) == 0 else { return nil }
        self = candidate
    }

    /// In an event in JSON. Source: CloudEvents 1.0; `expiration` is Dapr's.
    var name: StaticString {
        switch self {
        case .id: "id"
        case .source: "source"
        case .type: "type"
        case .specVersion: "specversion"
        case .dataContentType: "datacontenttype"
        case .data: "data"
        case .dataBase64: "data_base64"
        case .expiration: "expiration"
        }
    }

    /// Whether the specification names it; what it does not is an extension.
    var isStandard: Bool { self != .expiration }
}
