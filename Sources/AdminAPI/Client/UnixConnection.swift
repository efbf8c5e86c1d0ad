import Glibc

/// A connected Unix socket with a deadline, for one thread that may block. Closed when it goes.
final class UnixConnection {
    /// A system call failed.
    struct Failure: Error, Equatable {
        /// Which step: `connect`, `send`, `receive`.
        var step: String
        /// errno; `ETIMEDOUT` when the deadline passed.
        var code: Int32
    }

    private let descriptor: Int32
    private let deadline: ContinuousClock.Instant

    /// Takes over a connected `descriptor`.
    private init(descriptor: Int32, deadline: ContinuousClock.Instant) {
        self.descriptor = descriptor
        self.deadline = deadline
    }

    /// Connects to the socket at `path`, which has at most `AdminSocket.longestPath` bytes.
    static func connected(
        to path: String, deadline: ContinuousClock.Instant
    ) throws(Failure) -> UnixConnection {
        guard path.utf8.count <= AdminSocket.longestPath else {
            throw Failure(step: "connect", code: ENAMETOOLONG)
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(step: "connect", code: errno) }
        let connection = UnixConnection(descriptor: descriptor, deadline: deadline)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        // A full backlog makes connect wait; the send timeout bounds that (unix(7)).
        var limit = timeval(until: deadline)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<Glibc.timeval>.size))
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, length) }
        }
        guard result == 0 else {
            throw Failure(step: "connect", code: errno == EAGAIN || errno == EINPROGRESS ? ETIMEDOUT : errno)
        }
        return connection
    }

    deinit { close(descriptor) }

    /// The user that the listening process runs as; nil when the kernel does not tell.
    var peerUser: uid_t? {
        // `struct ucred` is process, user and group, 32 bits each (unix(7)); Glibc hides it behind _GNU_SOURCE.
        var credentials: (process: pid_t, user: uid_t, group: gid_t) = (0, 0, 0)
        var length = socklen_t(12)
        let result = getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
        return result == 0 && length == 12 ? credentials.user : nil
    }

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) throws(Failure) {
        var sent = 0
        while sent < bytes.count {
            try wait(for: POLLOUT, step: "send")
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress! + sent, bytes.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
            } else if errno != EINTR, errno != EAGAIN {
                throw Failure(step: "send", code: errno)
            }
        }
    }

    /// The next bytes; empty at the end of the connection.
    func receive() throws(Failure) -> [UInt8] {
        while true {
            try wait(for: POLLIN, step: "receive")
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, used in
                count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                used = max(0, count)
            }
            if count >= 0 { return bytes }
            if errno != EINTR, errno != EAGAIN { throw Failure(step: "receive", code: errno) }
        }
    }

    private func wait(for event: Int32, step: String) throws(Failure) {
        while true {
            let left = deadline - .now
            guard left > .zero else { throw Failure(step: step, code: ETIMEDOUT) }
            var request = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            let milliseconds =
                min(left.components.seconds, 1_000_000) * 1_000 + left.components.attoseconds / 1_000_000_000_000_000
            let ready = poll(&request, 1, Int32(milliseconds) + 1)
            if ready > 0 { return }
            if ready < 0, errno != EINTR { throw Failure(step: step, code: errno) }
        }
    }

    private static func timeval(until deadline: ContinuousClock.Instant) -> Glibc.timeval {
        let left = max(deadline - .now, .milliseconds(1))
        return Glibc.timeval(
            tv_sec: Int(min(left.components.seconds, 1_000_000)),
            tv_usec: Int(left.components.attoseconds / 1_000_000_000_000))
    }
}
