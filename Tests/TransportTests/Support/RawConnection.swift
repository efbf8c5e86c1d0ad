import Glibc
import NIOCore

/// A blocking socket that says exactly what a test wants to say. Every wait ends after `patience`.
final class RawConnection {
    struct Closed: Error {}

    private let descriptor: Int32
    private(set) var isAtEnd = false

    init(_ address: SocketAddress, patience: Int = 10) throws {
        let family = address.pathname != nil ? AF_UNIX : AF_INET
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        guard address.withSockAddr({ connect(descriptor, $0, socklen_t($1)) }) == 0 else { throw Closed() }
    }

    deinit { Glibc.close(descriptor) }

    /// Writes what it can; false when the peer has closed.
    @discardableResult
    func send(_ bytes: some Collection<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(text.utf8) }

    /// Reads once; empty at the end. Throws when nothing came in time.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { return Array(buffer[..<count]) }
        if count < 0, errno == EAGAIN { throw Closed() }
        isAtEnd = true
        return []
    }

    /// Everything until the peer closes.
    func receiveAll() throws -> String {
        var all: [UInt8] = []
        while true {
            let part = try receive()
            if part.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += part
        }
    }

    /// Everything until `text` has come, or the end.
    func receive(until text: String) throws -> String {
        var all = ""
        while !all.contains(text) {
            let part = try receive()
            if part.isEmpty { break }
            all += String(decoding: part, as: UTF8.self)
        }
        return all
    }

    func closeOutput() { shutdown(descriptor, Int32(SHUT_WR)) }
}
