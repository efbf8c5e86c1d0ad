import Glibc
package import JSONText

/// A CloudEvent in JSON (CloudEvents 1.0, JSON format), read where it lies: its members are slices of the text, which the
/// owner keeps for as long as this is used.
package struct CloudEvent {
    /// The whole event.
    package let bytes: UnsafeRawBufferPointer
    private var members: [Member] = []
    /// Where in `members` each known one is, -1 without it; of a name that is there twice the last one counts, as for Go's
    /// decoder.
    private var known = SIMD8<Int32>(repeating: -1)

    private struct Member {
        let name: UnsafeRawBufferPointer
        let value: UnsafeRawBufferPointer
        let hasEscapes: Bool
        let isStandard: Bool
    }

    /// Throws when it is no JSON object; what is in it is checked to be JSON.
    package init(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
        self.bytes = bytes
        members.reserveCapacity(16)
        var scanner = JSONScanner(bytes)
        scanner.skipSpace()
        try scanner.expect(UInt8(ascii: "{"), "an event is a JSON object")
        scanner.skipSpace()
        if !scanner.accept(UInt8(ascii: "}")) {
            repeat {
                scanner.skipSpace()
                guard scanner.offset < bytes.count, bytes[scanner.offset] == UInt8(ascii: "\"") else {
                    throw scanner.error("a name expected")
                }
                let name = try scanner.string()
                scanner.skipSpace()
                try scanner.expect(UInt8(ascii: ":"), "':' expected after a name")
                scanner.skipSpace()
                let start = scanner.offset
                try scanner.skipValue()
                let known = name.hasEscapes ? nil : KnownMember(name.raw)
                if let known { self.known[known.rawValue] = Int32(truncatingIfNeeded: members.count) }
                members.append(
                    Member(
                        name: name.raw, value: UnsafeRawBufferPointer(rebasing: bytes[start..<scanner.offset]),
                        hasEscapes: name.hasEscapes, isStandard: known?.isStandard ?? false))
                scanner.skipSpace()
            } while scanner.accept(UInt8(ascii: ","))
            try scanner.expect(UInt8(ascii: "}"), "',' or '}' expected")
        }
        try scanner.finish()
    }

    /// The JSON of a member; the last one counts, as for Go's decoder.
    package func json(_ name: StaticString) -> UnsafeRawBufferPointer? {
        members.last { !$0.hasEscapes && equals($0.name, name) }?.value
    }

    private func json(_ member: KnownMember) -> UnsafeRawBufferPointer? {
        let index = known[member.rawValue]
        return index < 0 ? nil : members[Int(index)].value
    }

    /// The text of a member that is a string.
    package func text(_ name: StaticString) -> String? { json(name).flatMap(CloudEvent.text) }

    private func text(_ member: KnownMember) -> String? { json(member).flatMap(CloudEvent.text) }

    /// The UTF-8 text of an attribute, empty without it or when it is no string: where it lies, unless it has escapes.
    /// Valid during `use`.
    package func withAttribute<Result>(_ member: KnownMember, _ use: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard let json = json(member) else { return use(UnsafeRawBufferPointer(start: nil, count: 0)) }
        if let plain = CloudEvent.plain(json) { return use(plain) }
        var text = CloudEvent.text(json) ?? ""
        return text.withUTF8 { use(UnsafeRawBufferPointer($0)) }
    }

    /// The bytes of a string's text where it has no escapes; `nil` otherwise, and for what is no string.
    package static func plain(_ json: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard json.count >= 2, json[0] == UInt8(ascii: "\"") else { return nil }
        let text = UnsafeRawBufferPointer(rebasing: json[1..<json.count - 1])
        return memchr(text.baseAddress.unsafelyUnwrapped, 0x5c, text.count) == nil ? text : nil
    }

    /// `data` without a copy where it lies in the event as the app is given it. Valid during `use`.
    package func withData(_ use: (UnsafeRawBufferPointer) -> Void) {
        if json(.dataBase64) == nil, let json = json(.data) {
            switch contentKind {
            case .json, .cloudEvent: return use(json)
            case .text, .binary: if let plain = CloudEvent.plain(json) { return use(plain) }
            }
        }
        data.withUnsafeBytes(use)
    }

    private static func text(_ json: UnsafeRawBufferPointer) -> String? {
        guard json.first == UInt8(ascii: "\"") else { return nil }
        var scanner = JSONScanner(json)
        // It was checked when the event was read.
        guard let found = try? scanner.string() else { return nil }
        return unescapedJSON(found.raw, hasEscapes: found.hasEscapes)
    }

    /// The data as the app is given it: the decoded bytes of `data_base64`, the text of a string, or JSON as it was
    /// written. Source: Dapr's `TopicEventRequest.data`.
    package var data: [UInt8] {
        if let encoded = json(.dataBase64) {
            var scanner = JSONScanner(encoded)
            guard encoded.first == UInt8(ascii: "\""), let found = try? scanner.string() else { return [] }
            return Base64Text.decode(found.raw) ?? []
        }
        guard let json = json(.data) else { return [] }
        switch contentKind {
        case .json, .cloudEvent: return Array(json)
        case .text, .binary: return CloudEvent.text(json).map { Array($0.utf8) } ?? Array(json)
        }
    }

    private var contentKind: ContentKind { withAttribute(.dataContentType) { ContentKind(utf8: $0) } }

    /// Members that the specification does not name, with their JSON: Dapr's extensions.
    package var extensions: [(name: String, json: UnsafeRawBufferPointer)] {
        members.filter { !$0.isStandard }
            .map { (unescapedJSON($0.name, hasEscapes: $0.hasEscapes), $0.value) }
    }

    /// The same where they lie, from the last to the first; names have escapes when `hasEscapes`.
    package func forEachExtensionBackwards(
        _ take: (_ name: UnsafeRawBufferPointer, _ hasEscapes: Bool, _ json: UnsafeRawBufferPointer) -> Void
    ) {
        for member in members.reversed() where !member.isStandard {
            take(member.name, member.hasEscapes, member.value)
        }
    }

    /// All members with their JSON; of a name that is there twice the last one counts.
    var all: [(name: String, json: UnsafeRawBufferPointer)] {
        members.map { (unescapedJSON($0.name, hasEscapes: $0.hasEscapes), $0.value) }
    }

    /// Whether its time is over. Source: Dapr's member `expiration`.
    package func isExpired(at now: @autoclosure () -> Int) -> Bool {
        guard let text = text(.expiration), let end = EventTime.seconds(text) else { return false }
        return now() >= end
    }
}

private func equals(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount, let start = bytes.baseAddress else { return false }
    return memcmp(start, text.utf8Start, bytes.count) == 0
}
