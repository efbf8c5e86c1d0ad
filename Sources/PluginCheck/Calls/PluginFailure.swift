package import COctavo

/// What a call ended with, copied out of the plugin's memory.
package struct PluginFailure: Error, CustomStringConvertible, Sendable {
    /// The gRPC code.
    package var code: Int32
    /// `OCTAVO_ERROR_*`.
    package var flags: UInt32
    /// A stable word, or empty.
    package var reason: String
    /// For a person.
    package var message: String
    /// Which item of a request is to blame, if the plugin says so.
    package var index: Int?

    package init(code: Int32, flags: UInt32 = 0, reason: String, message: String, index: Int? = nil) {
        self.code = code
        self.flags = flags
        self.reason = reason
        self.message = message
        self.index = index
    }

    package var description: String {
        let name = codeNames[Int(code)] ?? "code \(code)"
        return name + (reason.isEmpty || reason == name ? "" : " \(reason)") + ": \(message)"
    }
}

/// The names of the gRPC codes, by number.
package let codeNames: [Int: String] = Dictionary(
    uniqueKeysWithValues: [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ].enumerated().map { ($0.offset, $0.element) })

/// Copies an error that is valid during the call only.
package func failure(_ error: octavo_error) -> PluginFailure {
    let details = elements(error.details, of: octavo_pair.self)
    let index = details.first { text($0.name) == "index" }.flatMap { text($0.value) }.flatMap { Int($0) }
    return PluginFailure(
        code: error.code, flags: error.flags, reason: text(error.reason) ?? "", message: text(error.message) ?? "",
        index: index)
}
