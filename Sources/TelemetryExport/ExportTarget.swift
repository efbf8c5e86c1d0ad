package import Transport

/// Where a collector listens, as an operator writes it.
package struct ExportTarget: Sendable, Equatable {
    package var host: String
    package var port: Int
    /// With a leading slash; without a path that was written it is what `init` was given.
    package var path: String
    package var isSecure: Bool

    /// Why an address can't be used.
    package struct Malformed: Error, CustomStringConvertible {
        package let description: String
    }

    /// `host:port`, or a URL with `http://` or `https://`, whose scheme then decides in place of `isSecure`.
    package init(_ text: String, isSecure: Bool, port: Int, path: String) throws(Malformed) {
        var rest = Substring(text)
        self.isSecure = isSecure
        if let scheme = rest.firstIndex(of: ":"), rest[scheme...].hasPrefix("://") {
            switch rest[..<scheme].lowercased() {
            case "http": self.isSecure = false
            case "https": self.isSecure = true
            default: throw Malformed(description: "the address \(text) begins with an unknown scheme; use http:// or https://")
            }
            rest = rest[rest.index(scheme, offsetBy: 3)...]
        }
        if let slash = rest.firstIndex(of: "/") {
            let written = rest[slash...]
            self.path = written == "/" ? path : String(written)
            rest = rest[..<slash]
        } else {
            self.path = path
        }
        guard !rest.contains("@") else { throw Malformed(description: "the address holds a user; give what the collector asks for in `headers`") }
        var number = Substring("")
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            number = rest[rest.index(after: end)...].drop { $0 == ":" }
        } else if let colon = rest.lastIndex(of: ":") {
            host = String(rest[..<colon])
            number = rest[rest.index(after: colon)...]
        } else {
            host = String(rest)
        }
        guard !host.isEmpty, number.isEmpty || (1...65535).contains(Int(number) ?? 0) else {
            throw Malformed(description: "the address \(text) is not host:port")
        }
        self.port = Int(number) ?? port
    }

    /// Throws when TLS can't be set up.
    package func client(wire: ClientTarget.Wire) throws -> ClientTarget {
        ClientTarget(
            .tcp(host: host, port: port), wire: wire,
            tls: isSecure ? try TLSClientContext(trust: .system, offer: wire == .http2 ? .http2 : .http1) : nil)
    }
}
