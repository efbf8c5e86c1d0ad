import MQTTPluginNative
import PluginKit

/// Why a connection is of no use any more.
struct Fault: Error {
    var text: String
    var code: Int32 = OCTAVO_CODE_UNAVAILABLE
    var isPermanent = false

    func error(_ settings: Settings) -> PluginError {
        switch code {
        case OCTAVO_CODE_UNAVAILABLE: .outage("There is no connection to the MQTT server \(settings.address): \(text). It is tried again.")
        default: PluginError(code, "The MQTT server \(settings.address) refuses: \(text).", flags: isPermanent ? OCTAVO_ERROR_PERMANENT : 0)
        }
    }
}

/// A connection to the server and its packets, of one thread.
final class Wire {
    private let stream: OpaquePointer
    private let tls: OpaquePointer?
    private var input: [UInt8] = []
    private var at = 0
    private var output: [UInt8] = []
    private var sent = 0
    private var lastSent: Int64
    private var pinged: Int64 = 0

    /// Connects and is greeted; blocks for some seconds at most.
    init(_ settings: Settings, id: [UInt8], clean: Bool) throws(Fault) {
        var text = [CChar](repeating: 0, count: 512)
        func said() -> String { String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
        var tls: OpaquePointer?
        if settings.usesTLS {
            tls = plugin_tls_new(settings.authority, settings.certificate, settings.key, settings.verifiesTLS ? 1 : 0, &text, text.count)
            guard tls != nil else { throw Fault(text: said(), code: OCTAVO_CODE_INVALID_ARGUMENT, isPermanent: true) }
        }
        guard let stream = mqtt_open(settings.host, settings.port, tls, Settings.timeout, &text, text.count) else {
            plugin_tls_free(tls)
            throw Fault(text: said())
        }
        self.stream = stream
        self.tls = tls
        lastSent = Host.now()
        send(Packet.connect(id, settings, clean: clean))
        let answer = try first(Packet.connack)
        guard answer.body.count >= 2 else { throw Fault(text: "it does not greet as MQTT 3.1.1 does") }
        switch answer.body[1] {
        case 0: break
        case 1: throw Fault(text: "it does not speak MQTT 3.1.1", code: OCTAVO_CODE_FAILED_PRECONDITION, isPermanent: true)
        case 2: throw Fault(text: "it takes no client of this id; change consumerID", code: OCTAVO_CODE_FAILED_PRECONDITION, isPermanent: true)
        case 3: throw Fault(text: "it says that it is not available")
        default:
            throw Fault(text: "the user or the password is wrong, or may not connect; check both in url", code: OCTAVO_CODE_UNAUTHENTICATED, isPermanent: true)
        }
    }

    deinit {
        mqtt_close(stream)
        plugin_tls_free(tls)
    }

    var descriptor: Int32 { mqtt_descriptor(stream) }
    /// Bytes that the server has not taken yet.
    var unsent: Int { output.count - sent }

    func send(_ packet: [UInt8]) { output.append(contentsOf: packet) }
    func send(_ write: (inout [UInt8]) -> Void) { write(&output) }

    /// Sends what the server takes now.
    func flush() throws(Fault) {
        while unsent > 0 {
            var text = [CChar](repeating: 0, count: 256)
            let count = output.withUnsafeBytes { mqtt_write(stream, $0.baseAddress! + sent, $0.count - sent, &text, text.count) }
            if count == MQTT_LATER { break }
            guard count > 0 else { throw Self.lost(text) }
            sent += Int(count)
            lastSent = Host.now()
        }
        if sent == output.count {
            output = []
            sent = 0
        } else if sent > 1 << 20 {
            output.removeFirst(sent)
            sent = 0
        }
    }

    private static func lost(_ text: [CChar]) -> Fault {
        Fault(
            text: String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                + " (if another process has the same consumerID, give each its own)")
    }

    /// The next packet that is here; `nil` when there is none until now.
    func next() throws(Fault) -> Received? {
        while true {
            if let packet = try whole() {
                pinged = 0
                return packet
            }
            if at > 0 {
                input.removeFirst(at)
                at = 0
            }
            let before = input.count
            input.append(contentsOf: repeatElement(0, count: 65_536))
            var text = [CChar](repeating: 0, count: 256)
            let count = input.withUnsafeMutableBytes { mqtt_read(stream, $0.baseAddress! + before, 65_536, &text, text.count) }
            input.removeLast(65_536 - max(Int(count), 0))
            if count == MQTT_LATER { return nil }
            guard count > 0 else { throw Self.lost(text) }
        }
    }

    /// Takes a packet out of what has been read.
    private func whole() throws(Fault) -> Received? {
        guard input.count - at >= 2 else { return nil }
        var length = 0, shift = 0, place = at + 1
        while true {
            guard place < input.count else { return nil }
            let byte = input[place]
            place += 1
            length |= Int(byte & 127) << shift
            if byte & 128 == 0 { break }
            shift += 7
            guard shift <= 21 else { throw Fault(text: "it sent something that is not MQTT") }
        }
        guard input.count - place >= length else { return nil }
        defer { at = place + length }
        return Received(kind: input[at] >> 4, flags: input[at] & 15, body: [UInt8](input[place..<(place + length)]))
    }

    /// The next packet of a kind, which comes before any other; blocks for some seconds at most.
    func first(_ kind: UInt8) throws(Fault) -> Received {
        let end = Host.now() + Int64(Settings.timeout) * 1_000_000
        while true {
            try flush()
            if let packet = try next() {
                guard packet.kind == kind else { throw Fault(text: "it does not answer as MQTT 3.1.1 does") }
                return packet
            }
            guard Host.now() < end else { throw Fault(text: "it does not answer in time") }
            _ = plugin_kit_event_wait(-1, descriptor, Int32(POLLIN) | (unsent > 0 ? Int32(POLLOUT) : 0), 100_000_000)
        }
    }

    /// Keeps the connection up; throws when the server has been silent for too long. `isReading`: what it says is read.
    func keepAlive(isReading: Bool) throws(Fault) {
        let now = Host.now()
        if pinged != 0, !isReading { pinged = now }
        if pinged != 0, now - pinged > 15_000_000_000 { throw Fault(text: "it does not answer any more") }
        guard now - lastSent > Int64(Settings.keepAlive) * 500_000_000, unsent == 0 else { return }
        send(Packet.ping)
        if pinged == 0 { pinged = now }
        try flush()
    }

    /// Says goodbye, and waits a second at most until the server has closed the connection: then it has taken all that was sent.
    func disconnect() {
        send(Packet.disconnect)
        let end = Host.now() + 1_000_000_000
        do throws(Fault) {
            while Host.now() < end {
                try flush()
                while try next() != nil {}
                _ = plugin_kit_event_wait(-1, descriptor, Int32(POLLIN) | (unsent > 0 ? Int32(POLLOUT) : 0), 50_000_000)
            }
        } catch {}
    }
}
