/// The status that ends a call. A value, any thread.
package struct GRPCStatus: Error, Sendable, Equatable, CustomStringConvertible {
    /// The code that the caller branches on.
    package var code: GRPCCode
    /// A full sentence for a human. Sent percent-encoded as `grpc-message`; cut at 8 KiB.
    package var message: String
    /// A serialized `google.rpc.Status`, sent as `grpc-status-details-bin`; empty for none.
    package var details: [UInt8]

    package init(_ code: GRPCCode, _ message: String = "", details: [UInt8] = []) {
        self.code = code
        self.message = message
        self.details = details
    }

    /// Success.
    package static let ok = GRPCStatus(.ok)

    package var description: String { message.isEmpty ? code.name : "\(code.name): \(message)" }
}
