import Glibc

/// Greets as Redis does, then answers with whatever a seeded draw makes of pieces of its protocol.
final class HostileServer: @unchecked Sendable {  // `descriptor` and `seed` don't change after init
    let port: UInt16
    private let descriptor: Int32
    private let seed: UInt64
    private var thread = pthread_t()

    private static let pieces = [
        "+OK\r\n", ":5\r\n", "$3\r\nabc\r\n", "$0\r\n\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "-ERR no\r\n", "-NOSCRIPT gone\r\n",
        "-WRONGTYPE x\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n", "*2\r\n$2\r\n17\r\n*2\r\n$1\r\nk\r\n$1\r\nj\r\n", "*2\r\n$4\r\ndata\r\n:1\r\n",
        "*2\r\n:9223372036854775807\r\n:9223372036854775807\r\n", ":-9223372036854775808\r\n", ":12x\r\n", "*3\r\n:1\r\n", "$999999999999\r\n",
        "*99999999999\r\n", "*1000000\r\n", "$5\r\nab", "\r\n", "+", "$", "*", "\u{0}", "*2\r\n*2\r\n*1\r\n:1\r\n$-1\r\n*0\r\n", "$-2\r\n",
        "*1\r\n$1\r\n0\r\n", "*3\r\n$7\r\nmessage\r\n$16\r\n__keyspace@0__:a\r\n$3\r\nset\r\n", "*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n:1\r\n",
        "*3\r\n$7\r\nmessage\r\n*0\r\n$-1\r\n", "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$15\r\n__keyspace@0__:\r\n$0\r\n\r\n",
        "+MISMATCH\r\n", "+EXISTS\r\n", "*2\r\n:2\r\n+MISMATCH\r\n",
    ]

    init(seed: UInt64) {
        self.seed = seed
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, size)
                getsockname(descriptor, $0, &size)
            }
        }
        listen(descriptor, 16)
        port = UInt16(bigEndian: address.sin_port)
        pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<HostileServer>.fromOpaque(argument!).takeUnretainedValue().serve()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        pthread_join(thread, nil)
        close(descriptor)
    }

    /// One connection at a time, until the socket is shut down.
    private func serve() {
        var state = seed
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        func say(_ client: Int32, _ text: String) -> Bool {
            let bytes = Array(text.utf8)
            return send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
        }
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let client = accept(descriptor, nil, nil)
            if client < 0 { return }
            defer { close(client) }
            var greeting = ""
            while !greeting.hasSuffix("PING\r\n") {
                let count = recv(client, &buffer, buffer.count, 0)
                if count <= 0 { break }
                greeting += String(decoding: buffer[..<count], as: UTF8.self)
            }
            let hash = "$40\r\n" + String(repeating: "a", count: 40) + "\r\n"
            // As many hashes as scripts were given.
            let scripts = greeting.split(separator: "\r\n").count { $0 == "LOAD" }
            guard say(client, String(repeating: hash, count: scripts) + "+PONG\r\n") else { continue }
            while recv(client, &buffer, buffer.count, 0) > 0 {
                for _ in 0..<(1 + draw(3)) where !say(client, HostileServer.pieces[draw(HostileServer.pieces.count)]) { break }
                if draw(20) == 0 { break }
            }
        }
    }
}
