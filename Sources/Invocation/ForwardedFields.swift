package import Transport

/// Which header fields go on with a call, and which are added to it.
package enum ForwardedFields {
    /// Fields of one connection, which end with it (RFC 9110 §7.6.1).
    static func isHopByHop(_ name: String) -> Bool {
        switch name {
        case "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
            "transfer-encoding", "upgrade", "http2-settings":
            true
        default: false
        }
    }

    /// Fields that say who calls whom are ours: a caller can't say that it is another.
    private static func isOurs(_ name: String) -> Bool {
        switch name {
        case "octavo-wire", "dapr-app-id", "dapr-callee-app-id", "dapr-caller-app-id", "dapr-caller-namespace", "dapr-api-token": true
        default: false
        }
    }

    /// The fields of a request that go on. `keepsCaller`: they come from another runtime, which has said who calls.
    package static func request(_ headers: HeaderFields, keepsCaller: Bool) -> [(String, String)] {
        // Those that `connection` names are of the connection, too.
        let named = headers["connection" as StaticString].map(Self.words) ?? []
        var fields: [(String, String)] = []
        fields.reserveCapacity(headers.count + 8)
        headers.forEach { name, value in
            let name = String(decoding: name, as: UTF8.self)
            if isHopByHop(name) || name == "host" || name == "content-length" || name == "expect" || named.contains(name) { return }
            if isOurs(name), !keepsCaller || name == "dapr-api-token" { return }
            fields.append((name, String(decoding: value, as: UTF8.self)))
        }
        return fields
    }

    /// The fields of an answer that go back; `content-length` among them.
    package static func response(_ headers: HeaderFields) -> [(String, String)] {
        let named = headers["connection" as StaticString].map(Self.words) ?? []
        var fields: [(String, String)] = []
        fields.reserveCapacity(headers.count)
        headers.forEach { name, value in
            let name = String(decoding: name, as: UTF8.self)
            // The date is our server's.
            if isHopByHop(name) || name == "date" || named.contains(name) { return }
            fields.append((name, String(decoding: value, as: UTF8.self)))
        }
        return fields
    }

    private static func words(_ text: String) -> [String] {
        text.lowercased().split(separator: ",").map { String($0.drop { $0 == " " }.prefix { $0 != " " }) }
    }
}
