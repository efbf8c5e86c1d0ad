import COpenSSL

/// OpenSSL's error queue, which belongs to the thread.
package enum OpenSSLError {
    /// The reason of the oldest error; empties the queue.
    package static func take() -> String {
        let code = ERR_get_error()
        defer { ERR_clear_error() }
        guard code != 0, let reason = ERR_reason_error_string(code) else { return "unknown cause" }
        return String(cString: reason)
    }
}

/// Why certificates can't be read, made or used.
package struct CertificateError: Error, CustomStringConvertible, Equatable {
    /// A sentence that names the file, the cause and what to do.
    package let description: String

    package init(_ description: String) { self.description = description }
}
