/// Why a request of ours has no complete response. A value, any thread.
package struct ClientError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// No connection came about.
        case unreachable
        /// The deadline of the request passed, or the peer was silent for too long.
        case timeout
        /// The connection ended before the response did.
        case closed
        /// The peer reset the stream with this code (RFC 9113 §7).
        case reset(UInt32)
        /// What came is not a valid response.
        case malformed
        /// The response exceeds a limit.
        case tooLarge
        /// The server does not know how to do that.
        case unsupported
        /// Too much waits already.
        case overloaded
        /// The client has been closed.
        case shutdown
    }

    package let kind: Kind
    /// A full sentence that names the peer and the cause.
    package let description: String
    /// Whether the peer may have acted on the request. False only when it certainly has not.
    package let mayHaveBeenSeen: Bool

    package init(_ kind: Kind, _ description: String, mayHaveBeenSeen: Bool) {
        self.kind = kind
        self.description = description
        self.mayHaveBeenSeen = mayHaveBeenSeen
    }
}

extension ClientError {
    /// How a gRPC call ends that failed so (gRPC: PROTOCOL-HTTP2.md, Errors).
    var status: GRPCStatus {
        let code: GRPCCode =
            switch kind {
            case .unreachable, .closed, .shutdown: .unavailable
            case .timeout: .deadlineExceeded
            case .reset(let code): GRPCCode(resetCode: code)
            case .malformed: .internal
            case .unsupported: .unimplemented
            case .tooLarge, .overloaded: .resourceExhausted
            }
        return GRPCStatus(code, description)
    }
}

extension GRPCCode {
    fileprivate init(resetCode: UInt32) {
        switch resetCode {
        case 7: self = .unavailable
        case 8: self = .cancelled
        case 0xb: self = .resourceExhausted
        case 0xc: self = .permissionDenied
        default: self = .internal
        }
    }
}
