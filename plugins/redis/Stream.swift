import PluginKit
import RedisPluginNative

/// A socket that does not block, plain or with TLS.
final class Stream {
    enum Moved {
        case bytes(Int)
        case wantRead
        case wantWrite
        case ended
        case failed(String)
    }

    let descriptor: Int32
    private var session: OpaquePointer?

    /// Starts to connect; `nil` when that fails at once.
    init?(_ address: Addresses.Address, problem: inout String) {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            problem = PluginError.text(ofErrno: plugin_kit_errno())
            return nil
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, 4)
        var storage = address.storage
        let answer = withUnsafePointer(to: &storage) {
            connect(
                descriptor, __CONST_SOCKADDR_ARG(__sockaddr__: UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self)),
                address.size)
        }
        if answer != 0, plugin_kit_errno() != EINPROGRESS {
            problem = PluginError.text(ofErrno: plugin_kit_errno())
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
    }

    deinit {
        plugin_tls_close(session)
        close(descriptor)
    }

    /// The outcome of connecting: `nil` when it is there.
    var connectProblem: String? {
        var number: Int32 = 0
        var size = socklen_t(4)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
        return number == 0 ? nil : PluginError.text(ofErrno: number)
    }

    var isEncrypted: Bool { session != nil }

    func encrypt(_ tls: OpaquePointer, _ host: [CChar]) -> Bool {
        session = plugin_tls_open(tls, descriptor, host)
        return session != nil
    }

    func shakeHands() -> Moved { outcome(Int64(plugin_tls_handshake(session!))) }

    func read(_ memory: UnsafeMutableBufferPointer<UInt8>) -> Moved {
        if let session { return outcome(plugin_tls_read(session, memory.baseAddress!, memory.count)) }
        return plain(recv(descriptor, memory.baseAddress, memory.count, 0), .wantRead)
    }

    func write(_ memory: UnsafePointer<UInt8>, _ count: Int) -> Moved {
        if let session { return outcome(plugin_tls_write(session, memory, count)) }
        return plain(send(descriptor, memory, count, Int32(MSG_NOSIGNAL)), .wantWrite)
    }

    private func plain(_ moved: Int, _ want: Moved) -> Moved {
        if moved > 0 { return .bytes(moved) }
        if moved == 0 { return .ended }
        let number = plugin_kit_errno()
        return number == EAGAIN || number == EINTR ? want : .failed(PluginError.text(ofErrno: number))
    }

    private func outcome(_ moved: Int64) -> Moved {
        switch moved {
        case Int64(PLUGIN_TLS_WANT_READ): return .wantRead
        case Int64(PLUGIN_TLS_WANT_WRITE): return .wantWrite
        case Int64(PLUGIN_TLS_FAILED):
            return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
                plugin_tls_error(session!, text.baseAddress!, 256)
                return .failed("TLS: " + String(cString: text.baseAddress!))
            }
        case 0: return .ended
        default: return .bytes(Int(moved))
        }
    }
}
