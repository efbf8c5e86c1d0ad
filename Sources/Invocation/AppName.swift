/// Which app a call is for. Source: Dapr's `app` and `app.namespace`.
package struct AppName: Hashable, Sendable, CustomStringConvertible {
    package let id: String
    /// Empty: of the runtimes without a namespace.
    package let namespace: String

    package init(id: String, namespace: String) {
        self.id = id
        self.namespace = namespace
    }

    /// `default`: the caller's namespace. Throws for what can't be the name of an app.
    package init(_ text: String, default namespace: String) throws(InvocationFailure) {
        guard !text.isEmpty, text.utf8.count <= 512,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") })
        else { throw .badTarget(cause: "\"\(text.prefix(80))\" can't be the id of an app") }
        guard text.utf8.contains(UInt8(ascii: ".")) else {
            self.init(id: text, namespace: namespace)
            return
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        switch parts.count {
        case 2 where !parts[0].isEmpty && !parts[1].isEmpty: self.init(id: String(parts[0]), namespace: String(parts[1]))
        default: throw .badTarget(cause: "\"\(text.prefix(80))\" is neither an app id nor app.namespace")
        }
    }

    package var description: String { namespace.isEmpty ? id : "\(id).\(namespace)" }
}
