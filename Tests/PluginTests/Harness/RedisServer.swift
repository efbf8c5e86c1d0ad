import Glibc
import PluginCheck

/// Bytes that have come in for the server at that port of this machine and that it has not read (proc_net_tcp(5)).
func unread(port: UInt16) -> Int {
    guard let file = fopen("/proc/net/tcp", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    var sum = 0
    while fgets(&line, Int32(line.count), file) != nil {
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        guard fields.count > 4, fields[1].hasSuffix(":" + hexadecimal(port)), fields[3] == "01",
            let queue = fields[4].split(separator: ":").last.flatMap({ Int($0, radix: 16) })
        else { continue }
        sum += queue
    }
    return sum
}

private func hexadecimal(_ port: UInt16) -> String {
    let digits = String(port, radix: 16, uppercase: true)
    return String(repeating: "0", count: 4 - digits.count) + digits
}

/// A Redis server of the test's own, on a free port or a socket.
final class RedisServer: @unchecked Sendable {  // used by one test at a time
    let folder = TemporaryFolder()
    let port: UInt16
    private var process: pid_t = 0
    private let arguments: [String]

    let tlsPort: UInt16

    init(_ arguments: [String] = [], tls: [String] = []) throws {
        port = RedisServer.freePort()
        tlsPort = RedisServer.freePort()
        self.arguments = arguments + (tls.isEmpty ? [] : ["--tls-port", "\(tlsPort)"] + tls)
        try start()
    }

    deinit { kill() }

    private static func freePort() -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, size)
                getsockname(descriptor, $0, &size)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    func start() throws {
        let all = [
            "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--appendonly", "no",
            "--logfile", "\(folder.path)/log", "--unixsocket", "\(folder.path)/socket",
        ] + arguments
        var argv: [UnsafeMutablePointer<CChar>?] = all.map { strdup($0) }
        argv.append(nil)
        defer { for argument in argv { free(argument) } }
        // Our output is not the server's: a server that outlived a killed test would keep the runner waiting.
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in Int32(0)...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        let failed = posix_spawnp(&process, "redis-server", &actions, nil, argv, environ)
        guard failed == 0 else { throw PluginFailure(code: 14, flags: 0, reason: "", message: "redis-server can't be started") }
        guard eventually({ isAnswering() }) else {
            throw PluginFailure(code: 14, flags: 0, reason: "", message: "redis-server does not answer")
        }
    }

    /// PING is answered, if only by "not allowed".
    private func isAnswering() -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 64)
        _ = send(descriptor, "PING\r\n", 6, Int32(MSG_NOSIGNAL))
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 && (buffer[0] == UInt8(ascii: "+") || String(decoding: buffer[..<count], as: UTF8.self).contains("NOAUTH"))
    }

    func signal(_ number: Int32) { _ = Glibc.kill(process, number) }

    func kill() {
        guard process > 0 else { return }
        signal(SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        process = 0
    }
}
