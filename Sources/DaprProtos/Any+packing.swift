package import ProtoWire

extension Google_Protobuf_Any {
    /// A message with its type's name, as errors carry their details.
    package init(message: some Message) {
        self.init()
        typeURL = Self.prefix + type(of: message).protoMessageName
        value = message.serializedBytes()
    }

    /// Whether it holds a message of that type.
    package func isA(_ type: (some Message).Type) -> Bool {
        typeURL.split(separator: "/").last.map(String.init) == type.protoMessageName
    }

    private static let prefix = "type.googleapis.com/"
}

extension Message {
    /// Reads what an `Any` holds, whose type has been looked at.
    package init(unpackingAny any: Google_Protobuf_Any) throws(ProtoError) {
        self = try Self(serializedBytes: any.value)
    }
}
