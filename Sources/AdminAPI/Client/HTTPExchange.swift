import Glibc

/// One request to the runtime behind a Unix socket, and its response. Blocks the calling thread.
struct HTTPExchange {
    /// Path of the socket.
    var socket: String
    /// For the whole exchange.
    var timeout: Duration
    /// How to name the runtime in an error: `app id shop`; nil when the caller named a socket.
    var appID: String?

    /// Largest response body, bytes: a large state value, or a description of hundreds of plugins.
    static let longestBody = 256 << 20

    /// Sends a request and waits for the response.
    func response(
        method: String, target: String, contentType: String? = nil, body: [UInt8] = []
    ) throws(AdminClientError) -> HTTPResponseParser.Response {
        var head = "\(method) \(target) HTTP/1.1\r\nhost: octavo\r\nconnection: close\r\n"
        if let contentType { head += "content-type: \(contentType)\r\n" }
        if method != "GET" { head += "content-length: \(body.count)\r\n" }
        head += "\r\n"
        do {
            let connection = try UnixConnection.connected(to: socket, deadline: .now + timeout)
            try checkPeer(connection.peerUser)
            try connection.send(Array(head.utf8) + body)
            var parser = HTTPResponseParser(longestBody: Self.longestBody)
            while true {
                let bytes = try connection.receive()
                if bytes.isEmpty { return try parser.end() }
                if let response = try parser.take(bytes) { return response }
            }
        } catch let error as AdminClientError {
            throw error
        } catch let error as UnixConnection.Failure {
            throw error.step == "connect" ? .unreachable(reason(error.code)) : .lost(lost(error.code))
        } catch let error as HTTPResponseParser.Malformed {
            throw .lost("The answer from \(socket) is not one of a runtime: \(error.reason).")
        } catch {
            throw .lost("The runtime at \(socket) gave no answer: \(error).")
        }
    }

    /// A socket under `/tmp` could be another user's, waiting for secrets.
    private func checkPeer(_ user: uid_t?) throws(AdminClientError) {
        let caller = geteuid()
        guard let user, caller == 0 || user == caller || user == 0 else {
            throw .unreachable(
                "The runtime at \(socket) belongs to another user. Run the command as that user or as root.")
        }
    }

    private func reason(_ code: Int32) -> String {
        let start =
            "start one with `octavo run"
            + (appID.map { $0 == AdminSocket.standardAppID ? "" : " --app-id \($0)" } ?? "") + "`"
        let subject = appID.map { "for app id \($0)" } ?? "at \(socket)"
        let looked = appID == nil ? "" : " (looked for \(socket))"
        return switch code {
        case ENOENT, ENOTDIR: "No runtime is running \(subject)\(looked); \(start)."
        case ECONNREFUSED:
            "No runtime is running \(subject): nobody listens on \(socket), which an earlier one left behind; \(start)."
        case EACCES, EPERM:
            "You may not talk to the runtime \(subject): \(socket) is for its owner alone. Run the command as that "
                + "user or as root."
        case ETIMEDOUT: "The runtime \(subject) did not take the connection within \(Self.text(timeout)) (\(socket))."
        case ENAMETOOLONG:
            "The path of the admin socket is too long: \(socket) has \(socket.utf8.count) bytes, the most is "
                + "\(AdminSocket.longestPath). Give a shorter one with --admin-socket."
        default: "The runtime \(subject) can't be reached at \(socket): \(String(cString: strerror(code)))."
        }
    }

    private func lost(_ code: Int32) -> String {
        code == ETIMEDOUT
            ? "The runtime at \(socket) gave no answer within \(Self.text(timeout)), and may still do what was asked; "
                + "wait longer with --timeout."
            : "The connection to the runtime at \(socket) broke: \(String(cString: strerror(code))). It may have done "
                + "what was asked."
    }

    private static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        return seconds > 0 && milliseconds == 0 ? "\(seconds) s" : "\(seconds * 1_000 + milliseconds) ms"
    }
}
