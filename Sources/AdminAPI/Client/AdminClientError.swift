/// Why the admin API gave no answer to a command.
package enum AdminClientError: Error, Equatable, CustomStringConvertible {
    /// There is no runtime to talk to, or it can't be reached: a sentence with what was looked for and what to do.
    case unreachable(String)
    /// The runtime answered that it could not do it.
    case refused(AdminError)
    /// No complete answer came; the request may have taken effect.
    case lost(String)

    package var description: String {
        switch self {
        case .unreachable(let message), .lost(let message): message
        case .refused(let error): error.message
        }
    }
}
