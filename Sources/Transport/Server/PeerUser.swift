import Glibc
import NIOCore

/// Who is at the other end of a Unix socket.
enum PeerUser {
    /// `struct ucred` (unix(7)), which Glibc hides behind _GNU_SOURCE.
    private struct Credentials: Sendable {
        var process: pid_t = 0
        var user: uid_t = 0
        var group: gid_t = 0
    }

    /// The user of the process that connected, as the kernel noted it then. Fails for a channel that is no socket.
    static func of(_ channel: any Channel) -> EventLoopFuture<uid_t> {
        guard let socket = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        let credentials: EventLoopFuture<Credentials> = socket.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: SO_PEERCRED))
        return credentials.map(\.user)
    }
}
