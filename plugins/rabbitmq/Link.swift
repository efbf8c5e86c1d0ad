import PluginKit
import RabbitMQPluginNative

/// Why the server, or the way to it, refused something.
struct Fault: Error {
    /// AMQP's reply code; 0 when there is none.
    var code: Int32
    /// The connection is of no use any more.
    var isLost: Bool
    var text: String

    init(_ raw: rabbit_fault) {
        var raw = raw
        code = raw.code
        isLost = raw.lost != 0
        text = withUnsafeBytes(of: &raw.text) { String(decoding: UnsafeRawBufferPointer(rebasing: $0[..<strnlen($0.baseAddress!, $0.count)]), as: UTF8.self) }
    }

    /// What it means for an operator.
    func error(_ settings: Settings) -> PluginError {
        let server = settings.address
        switch code {
        case -1: return PluginError(OCTAVO_CODE_INVALID_ARGUMENT, text, flags: OCTAVO_ERROR_PERMANENT)
        case 403 where isLost:
            return PluginError(
                OCTAVO_CODE_UNAUTHENTICATED, "The RabbitMQ server \(server) refuses the user or the password: \(text). Check both, and the certificate with saslExternal.",
                flags: OCTAVO_ERROR_PERMANENT)
        case 403:
            return PluginError(
                OCTAVO_CODE_PERMISSION_DENIED,
                "The RabbitMQ server \(server) does not allow it: \(text). The user needs the permissions configure, write and read on exchanges and queues.")
        case 404: return PluginError(OCTAVO_CODE_NOT_FOUND, "The RabbitMQ server \(server) has no such thing: \(text).")
        case 405, 406:
            return PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The RabbitMQ server \(server) has it already, and otherwise: \(text). Make the component's settings those it was made with, or delete it on the server.")
        case 530:
            return PluginError(
                OCTAVO_CODE_PERMISSION_DENIED, "The RabbitMQ server \(server) does not let the user in: \(text). Check the vhost and the permissions on it.",
                flags: OCTAVO_ERROR_PERMANENT)
        default:
            return isLost ? .outage("There is no connection to the RabbitMQ server \(server): \(text). It is tried again.")
                : PluginError(OCTAVO_CODE_INTERNAL, "The RabbitMQ server \(server) answered: \(text).")
        }
    }
}

/// A connection, of one thread.
final class Link {
    let raw: OpaquePointer
    private var isOver = false

    /// Connects and logs in; blocks for some seconds at most.
    init(_ settings: Settings) throws(Fault) {
        var fault = rabbit_fault()
        let made = withUnsafeOptions(settings) { rabbit_open($0, &fault) }
        guard let made else { throw Fault(fault) }
        raw = made
    }

    deinit { close(gently: false) }

    func close(gently: Bool) {
        guard !isOver else { return }
        isOver = true
        rabbit_close(raw, gently ? 1 : 0)
    }

    var descriptor: Int32 { rabbit_descriptor(raw) }

    /// Throws the fault when `body` does not give 0.
    func ask(_ body: (OpaquePointer, inout rabbit_fault) -> Int32) throws(Fault) {
        var fault = rabbit_fault()
        if body(raw, &fault) != 0 { throw Fault(fault) }
    }

    /// What the server has said; `nil` when there is no more until now.
    func next() throws(Fault) -> rabbit_event? {
        var event = rabbit_event()
        if rabbit_next(raw, &event) != 0 { throw Fault(event.fault) }
        return event.kind == RABBIT_NOTHING ? nil : event
    }
}

private func withUnsafeOptions<Result>(_ settings: Settings, _ body: (UnsafePointer<rabbit_options>) -> Result) -> Result {
    func optional(_ text: [CChar]?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
        guard let text else { return body(nil) }
        return text.withUnsafeBufferPointer { body($0.baseAddress) }
    }
    return settings.host.withUnsafeBufferPointer { host in
        settings.vhost.withUnsafeBufferPointer { vhost in
            settings.user.withUnsafeBufferPointer { user in
                settings.password.withUnsafeBufferPointer { password in
                    settings.name.withUnsafeBufferPointer { name in
                        optional(settings.authority) { authority in
                            optional(settings.certificate) { certificate in
                                optional(settings.key) { key in
                                    var options = rabbit_options(
                                        host: host.baseAddress!, port: settings.port, vhost: vhost.baseAddress!, user: user.baseAddress!,
                                        password: password.baseAddress!, name: name.baseAddress!, heartbeat: max(settings.heartbeat, 1),
                                        timeout: Settings.timeout, tls: settings.usesTLS ? 1 : 0, external: settings.isExternal ? 1 : 0,
                                        verify: settings.verifiesTLS ? 1 : 0, authority: authority, certificate: certificate, key: key)
                                    return body(&options)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Pauses between attempts to connect: longer each time up to a limit, ± 20 % so that many do not come at the same moment.
struct Backoff {
    private let longest: Int64
    private var next: Int64 = 50_000_000

    init(longest: Int64) { self.longest = longest }

    mutating func pause(atMost limit: Int64 = .max) -> Int64 {
        let wait = min(next, longest, limit)
        next = min(next * 2, longest)
        return wait * 4 / 5 + Int64(Host.random() % UInt64(max(wait * 2 / 5, 1)))
    }

    mutating func reset() { next = 50_000_000 }
}
