public import CCurl
public import PluginKit

/// Why there is no answer.
public struct HTTPFailure: Error {
    public enum Kind: Sendable {
        /// The host's name is not known.
        case resolve
        case connect
        /// A certificate, or the handshake.
        case tls
        case timeout
        /// The connection was lost, or what came makes no sense.
        case lost
        /// The body is longer than the request allows.
        case tooLong
        /// The URL.
        case invalid
        /// The client was closed.
        case closed
    }

    public let kind: Kind
    /// Host and port.
    public let target: String
    public let detail: String
    /// Something of the request was sent: the server may have acted on it.
    public let wasSent: Bool

    init(_ code: CURLcode, target: String, detail: String, wasSent: Bool, isTooLong: Bool) {
        self.target = target
        self.detail = detail
        self.wasSent = wasSent
        kind =
            switch code {
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .resolve
            case CURLE_COULDNT_CONNECT: .connect
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
                CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_USE_SSL_FAILED, CURLE_SSL_INVALIDCERTSTATUS:
                .tls
            case CURLE_OPERATION_TIMEDOUT: .timeout
            case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_TOO_MANY_REDIRECTS: .invalid
            case CURLE_ABORTED_BY_CALLBACK: .closed
            default: isTooLong ? .tooLong : .lost
            }
    }

    /// A sentence: host and cause.
    public var message: String {
        switch kind {
        case .resolve: "The name of \(target) can't be resolved: \(detail)."
        case .connect: "There is no connection to \(target): \(detail)."
        case .tls: "TLS with \(target) fails: \(detail)."
        case .timeout: "\(target) did not answer in time: \(detail)."
        case .lost: "The connection to \(target) is lost: \(detail)."
        case .tooLong: "The answer of \(target) is longer than is taken."
        case .invalid: "The request to \(target) can't be sent: \(detail)."
        case .closed: "The component was stopped while it waited for \(target)."
        }
    }

    /// As a call's error. `isWrite`: says that it may have taken effect, when that may be.
    public func error(isWrite: Bool) -> PluginError {
        var error: PluginError
        switch kind {
        case .resolve, .connect, .tls, .lost: error = .outage(message)
        case .timeout:
            error = PluginError(
                wasSent ? OCTAVO_CODE_DEADLINE_EXCEEDED : OCTAVO_CODE_UNAVAILABLE, message,
                flags: OCTAVO_ERROR_OUTAGE | OCTAVO_ERROR_RETRYABLE)
        case .tooLong: error = PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, message)
        case .invalid: error = .invalid(message)
        case .closed: error = PluginError(OCTAVO_CODE_UNAVAILABLE, message, flags: OCTAVO_ERROR_RETRYABLE)
        }
        if isWrite, wasSent {
            error.flags |= OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT
            error.message += " What it asked for may have taken effect."
        }
        return error
    }
}
