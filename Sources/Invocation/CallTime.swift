import NIOCore
import Transport

/// How the time that is left for a call goes along with it. Over gRPC it is `grpc-timeout`; HTTP has no such field, so it is one of ours:
/// milliseconds, a whole number, of caller and callee alike.
enum CallTime {
    static let field: StaticString = "octavo-timeout-ms"

    /// When a request must have been answered; nil: nobody said.
    static func deadline(_ headers: HeaderFields) -> NIODeadline? {
        guard let text = headers[field], let left = Int64(text), left >= 0, left < 1_000_000_000 else { return nil }
        return .now() + .milliseconds(left)
    }

    /// What is left, at most `timeout`; nil: there is no end.
    static func left(until deadline: NIODeadline?, _ timeout: Duration?) -> Duration? {
        guard let deadline else { return timeout }
        let left = Duration.nanoseconds((deadline - .now()).nanoseconds)
        return timeout.map { min($0, left) } ?? left
    }

    /// The value of the field.
    static func text(_ left: Duration) -> String { "\(max(1, Int64(left / .milliseconds(1))))" }
}
