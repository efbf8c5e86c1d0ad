import Glibc
import NIOCore
import NIOPosix

/// A socket that says exactly what a test wants to say. Every wait ends after `patience`.
///
/// Sendable because sockets may be written and read from two threads at once, and `isAtEnd`, the only state, is touched
/// by the reader alone; no test reads from two threads.
final class RawConnection: @unchecked Sendable {
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
            let count = bytes[offset...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(text.utf8) }

    /// Writes from a thread of its own, for bytes that the peer takes only while it is read from.
    func sendWhileReading(_ bytes: [UInt8]) async throws -> Bool {
        try await Self.threads.runIfActive { self.send(bytes) }
    }

    /// Reads once; empty at the end. Throws when nothing came in time.
    func receive() async throws -> [UInt8] {
        let descriptor = descriptor
        let bytes: [UInt8]? = try await Self.threads.runIfActive {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 { return Array(buffer[..<count]) }
            return count < 0 && errno == EAGAIN ? nil : []
        }
        guard let bytes else { throw Closed() }
        isAtEnd = bytes.isEmpty
        return bytes
    }

    /// Blocking reads wait here, not on the few threads that tests share.
    private static let threads: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 64)
        pool.start()
        return pool
    }()

    /// Everything until the peer closes.
    func receiveAll() async throws -> String {
        var all: [UInt8] = []
        while true {
            let part = try await receive()
            if part.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += part
        }
    }

    /// Everything until `text` has come, or the end.
    func receive(until text: String) async throws -> String {
        var all = ""
        while !all.contains(text) {
            let part = try await receive()
            if part.isEmpty { break }
            all += String(decoding: part, as: UTF8.self)
        }
        return all
    }

    /// The connection will end with a reset, not in peace.
    func resetAtEnd() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    func closeOutput() { shutdown(descriptor, Int32(SHUT_WR)) }
}
