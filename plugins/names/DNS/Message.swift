import PluginKit

/// A message of the DNS (RFC 1035), as far as finding addresses needs it.
struct DNSMessage {
    struct Question {
        let name: DomainName
        let type: UInt16
        /// The highest bit of mDNS, "answer me alone", included.
        let group: UInt16
    }

    struct Record {
        let name: DomainName
        let type: UInt16
        /// The highest bit of mDNS, "these are all", included.
        let group: UInt16
        /// Seconds.
        let ttl: UInt32
        let data: Data
    }

    enum Data {
        case address([UInt8])
        case name(DomainName)
        case service(port: Int, host: DomainName)
        case texts([[UInt8]])
        case other
    }

    enum Kind {
        static let a: UInt16 = 1, alias: UInt16 = 5, pointer: UInt16 = 12, text: UInt16 = 16, aaaa: UInt16 = 28, service: UInt16 = 33
        static let any: UInt16 = 255
    }

    static let internet: UInt16 = 1
    /// The highest bit of a class in mDNS.
    static let top: UInt16 = 0x8000
    /// More than these in one message are a mistake or an attack.
    private static let maxRecords = 1024

    var id: UInt16 = 0
    var flags: UInt16 = 0
    var questions: [Question] = []
    /// Of all sections.
    var records: [Record] = []

    var isAnswer: Bool { flags & 0x8000 != 0 }
    var status: UInt16 { flags & 0x000F }

    init() {}

    /// `nil` for what is no whole message.
    init?(_ bytes: [UInt8]) {
        var reader = DNSReader(bytes)
        guard let id = reader.number16(), let flags = reader.number16(), let asked = reader.number16(), let answers = reader.number16(),
            let authorities = reader.number16(), let more = reader.number16()
        else { return nil }
        self.id = id
        self.flags = flags
        let count = Int(answers) + Int(authorities) + Int(more)
        guard Int(asked) + count <= DNSMessage.maxRecords else { return nil }
        for _ in 0..<asked {
            guard let name = reader.name(), let type = reader.number16(), let group = reader.number16() else { return nil }
            questions.append(Question(name: name, type: type, group: group))
        }
        for _ in 0..<count {
            guard let record = reader.record() else { return nil }
            records.append(record)
        }
    }
}

/// Reads a message. Whatever the bytes are, it reads no other ones and comes to an end.
struct DNSReader {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func number16() -> UInt16? {
        guard bytes.count - at >= 2 else { return nil }
        defer { at += 2 }
        return UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1])
    }

    private mutating func number32() -> UInt32? {
        guard let high = number16(), let low = number16() else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    /// A name, whose end may stand elsewhere: before it, and each next part before the one that led to it, so that there is no circle.
    mutating func name() -> DomainName? {
        var wire: [UInt8] = []
        var place = at, bound = at
        var end: Int?
        while place < bytes.count {
            let length = Int(bytes[place])
            if length == 0 {
                wire.append(0)
                at = end ?? place + 1
                return DomainName(wire: wire)
            }
            switch length & 0xC0 {
            case 0:
                guard bytes.count - place > length, wire.count + length + 2 <= 255 else { return nil }
                wire += bytes[place...(place + length)]
                place += length + 1
            case 0xC0:
                guard bytes.count - place >= 2 else { return nil }
                let target = (length & 0x3F) << 8 | Int(bytes[place + 1])
                guard target < bound else { return nil }
                if end == nil { end = place + 2 }
                (place, bound) = (target, target)
            default: return nil
            }
        }
        return nil
    }

    mutating func record() -> DNSMessage.Record? {
        guard let name = name(), let type = number16(), let group = number16(), let ttl = number32(), let length = number16(),
            bytes.count - at >= Int(length)
        else { return nil }
        let end = at + Int(length)
        guard let data = data(type, to: end) else { return nil }
        at = end
        return DNSMessage.Record(name: name, type: type, group: group, ttl: ttl, data: data)
    }

    private mutating func data(_ type: UInt16, to end: Int) -> DNSMessage.Data? {
        switch type {
        case DNSMessage.Kind.a, DNSMessage.Kind.aaaa:
            guard end - at == (type == DNSMessage.Kind.a ? 4 : 16) else { return nil }
            return .address([UInt8](bytes[at..<end]))
        case DNSMessage.Kind.alias, DNSMessage.Kind.pointer:
            guard let name = name(), at == end else { return nil }
            return .name(name)
        case DNSMessage.Kind.service:
            guard number32() != nil, let port = number16(), let host = name(), at == end else { return nil }
            return .service(port: Int(port), host: host)
        case DNSMessage.Kind.text:
            var texts: [[UInt8]] = []
            while at < end {
                let length = Int(bytes[at])
                guard end - at > length else { return nil }
                texts.append([UInt8](bytes[(at + 1)..<(at + 1 + length)]))
                at += length + 1
            }
            return .texts(texts)
        default: return .other
        }
    }
}

/// Writes a message; names are not shortened.
struct DNSWriter {
    private(set) var bytes: [UInt8]
    private var counts: [UInt16] = [0, 0, 0, 0]

    init(id: UInt16, flags: UInt16) {
        bytes = [UInt8(id >> 8), UInt8(id & 0xFF), UInt8(flags >> 8), UInt8(flags & 0xFF), 0, 0, 0, 0, 0, 0, 0, 0]
    }

    private mutating func put(_ number: UInt16) { bytes += [UInt8(number >> 8), UInt8(number & 0xFF)] }

    /// One more of a section: 0 questions, 1 answers, 3 what may help.
    private mutating func count(_ section: Int) {
        counts[section] += 1
        bytes[4 + 2 * section] = UInt8(counts[section] >> 8)
        bytes[5 + 2 * section] = UInt8(counts[section] & 0xFF)
    }

    mutating func question(_ name: DomainName, _ type: UInt16, _ group: UInt16 = DNSMessage.internet) {
        count(0)
        bytes += name.wire
        put(type)
        put(group)
    }

    /// `isMore`: in the last section.
    mutating func record(
        _ name: DomainName, _ type: UInt16, _ group: UInt16 = DNSMessage.internet, ttl: UInt32, isMore: Bool = false, _ data: [UInt8]
    ) {
        count(isMore ? 3 : 1)
        bytes += name.wire
        put(type)
        put(group)
        put(UInt16(ttl >> 16))
        put(UInt16(ttl & 0xFFFF))
        put(UInt16(data.count))
        bytes += data
    }

    /// Longer answers than 512 bytes are welcome (EDNS, RFC 6891).
    mutating func takes(_ size: UInt16) {
        count(3)
        bytes += [0, 0, 41, UInt8(size >> 8), UInt8(size & 0xFF), 0, 0, 0, 0, 0, 0]
    }
}
