/// Why an operation failed: becomes an `octavo_error`.
///
/// `message` is for a person: what failed, why, what to do. No secret and no payload in it.
public struct PluginError: Error {
    /// `OCTAVO_CODE_*`.
    public var code: Int32
    /// `OCTAVO_ERROR_*`.
    public var flags: UInt32
    /// A stable word in capitals, or empty.
    public var reason: StaticString
    public var message: String
    /// Position of the operation of a transaction that failed.
    public var index: Int?

    public init(
        _ code: Int32, _ message: String, reason: StaticString = "", flags: UInt32 = 0, index: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.reason = reason
        self.flags = flags
        self.index = index
    }

    /// The stored etag is another one.
    public static var etagMismatch: PluginError {
        PluginError(
            OCTAVO_CODE_ABORTED, "The stored value has another etag: somebody else wrote it. Read it again.",
            reason: "ETAG_MISMATCH")
    }

    /// A first write found that the key exists.
    public static var keyExists: PluginError {
        PluginError(
            OCTAVO_CODE_ABORTED, "The key exists already, and the write asked to be the first.",
            reason: "ETAG_MISMATCH")
    }

    public static func etagInvalid(_ message: String) -> PluginError {
        PluginError(OCTAVO_CODE_INVALID_ARGUMENT, message, reason: "ETAG_INVALID")
    }

    public static func invalid(_ message: String) -> PluginError { PluginError(OCTAVO_CODE_INVALID_ARGUMENT, message) }

    public static func unimplemented(_ message: String) -> PluginError {
        PluginError(OCTAVO_CODE_UNIMPLEMENTED, message)
    }

    /// The backend is away. Repeating may help.
    public static func outage(_ message: String) -> PluginError {
        PluginError(OCTAVO_CODE_UNAVAILABLE, message, flags: OCTAVO_ERROR_OUTAGE | OCTAVO_ERROR_RETRYABLE)
    }

    /// Text of an errno.
    public static func text(ofErrno number: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            plugin_kit_error_text(number, buffer.baseAddress!, 256)
            return String(decoding: UnsafeRawBufferPointer(start: buffer.baseAddress, count: strlen(buffer.baseAddress!)), as: UTF8.self)
        }
    }

    /// Hands the error to `body` in the form of the ABI; valid during the call.
    public func withABI(_ body: (UnsafePointer<octavo_error>) -> Void) {
        var text = message
        text.withUTF8 { message in
            var error = octavo_error()
            error.size = UInt32(MemoryLayout<octavo_error>.size)
            error.code = code
            error.flags = flags
            if reason.utf8CodeUnitCount > 0 { error.reason = Str(reason) }
            error.message = Str(UnsafeRawBufferPointer(message))
            guard let index else { return body(&error) }
            Decimal.with(UInt64(index)) { digits in
                let pair = octavo_pair(name: Str("index"), value: digits)
                withUnsafePointer(to: pair) { pair in
                    error.details = octavo_list(UnsafeBufferPointer(start: pair, count: 1))
                    body(&error)
                }
            }
        }
    }

    /// As the error of one item of a bulk reply. The reason is constant; the message is `text`,
    /// which the caller keeps until the reply is sent.
    public func item(message text: Str) -> octavo_item_error {
        octavo_item_error(
            code: code, flags: flags, reason: reason.utf8CodeUnitCount > 0 ? Str(reason) : .absent, message: text)
    }
}
