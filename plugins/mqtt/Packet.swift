import PluginKit

/// Packets of MQTT 3.1.1, as bytes.
enum Packet {
    static let connack: UInt8 = 2, publish: UInt8 = 3, puback: UInt8 = 4, pubrec: UInt8 = 5, pubrel: UInt8 = 6, pubcomp: UInt8 = 7
    static let suback: UInt8 = 9, unsuback: UInt8 = 11, pingresp: UInt8 = 13
    /// Bytes after the fixed header.
    static let limit = 268_435_455

    static func connect(_ id: [UInt8], _ settings: Settings, clean: Bool) -> [UInt8] {
        var body: [UInt8] = [0, 4, 0x4D, 0x51, 0x54, 0x54, 4]
        var flags: UInt8 = clean ? 2 : 0
        if settings.user != nil { flags |= 0x80 }
        if settings.user != nil, settings.password != nil { flags |= 0x40 }
        body.append(flags)
        number(Settings.keepAlive, &body)
        text(id, &body)
        if let user = settings.user {
            text(user, &body)
            if let password = settings.password { text(password, &body) }
        }
        return whole(0x10, body)
    }

    static func subscribe(_ number: UInt16, _ filter: [UInt8], _ qos: UInt8) -> [UInt8] {
        var body: [UInt8] = []
        self.number(number, &body)
        text(filter, &body)
        body.append(qos)
        return whole(0x82, body)
    }

    static func unsubscribe(_ number: UInt16, _ filter: [UInt8]) -> [UInt8] {
        var body: [UInt8] = []
        self.number(number, &body)
        text(filter, &body)
        return whole(0xA2, body)
    }

    /// An acknowledgement, or what goes on after one.
    static func answer(_ kind: UInt8, _ number: UInt16) -> [UInt8] {
        [kind << 4 | (kind == pubrel ? 2 : 0), 2, UInt8(number >> 8), UInt8(number & 255)]
    }

    static let ping: [UInt8] = [0xC0, 0]
    static let disconnect: [UInt8] = [0xE0, 0]

    /// Appends a message. `number` counts with a quality of service above 0.
    static func publish(_ number: UInt16, _ topic: Str, _ data: UnsafeRawBufferPointer, qos: UInt8, retain: Bool, to out: inout [UInt8]) {
        out.append(0x30 | qos << 1 | (retain ? 1 : 0))
        length(2 + topic.count + (qos > 0 ? 2 : 0) + data.count, &out)
        self.number(UInt16(topic.count), &out)
        out.append(contentsOf: topic.raw)
        if qos > 0 { self.number(number, &out) }
        out.append(contentsOf: data)
    }

    private static func whole(_ head: UInt8, _ body: [UInt8]) -> [UInt8] {
        var out = [head]
        length(body.count, &out)
        return out + body
    }

    private static func length(_ count: Int, _ out: inout [UInt8]) {
        var rest = count
        repeat {
            let digit = UInt8(rest & 127)
            rest >>= 7
            out.append(rest > 0 ? digit | 128 : digit)
        } while rest > 0
    }

    private static func number(_ value: UInt16, _ out: inout [UInt8]) {
        out.append(UInt8(value >> 8))
        out.append(UInt8(value & 255))
    }

    private static func text(_ bytes: [UInt8], _ out: inout [UInt8]) {
        number(UInt16(bytes.count), &out)
        out.append(contentsOf: bytes)
    }
}

/// A packet that has come.
struct Received {
    let kind: UInt8
    let flags: UInt8
    let body: [UInt8]

    /// The number that acknowledgements begin with.
    var number: UInt16? { body.count >= 2 ? UInt16(body[0]) << 8 | UInt16(body[1]) : nil }
}
