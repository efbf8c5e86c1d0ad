import NamesPluginNative
import PluginKit

/// An instance that this process advertises, as records: those that Dapr's runtimes have. The service is the app's id itself, without
/// `_tcp`: a pointer from `<app>.local` to `<instance>.<app>.local`, which has a host, a port, and a text that is the app's id.
struct OwnService {
    /// Seconds, as RFC 6762 has it for what names a host.
    static let lifetime: UInt32 = 120
    static let local = Array("local".utf8)
    private static let enumeration = DomainName(dotted: Array("_services._dns-sd._udp.local".utf8))!

    let instance: NameInstance
    let service: DomainName
    let name: DomainName
    private let host: DomainName
    private let address: [UInt8]

    /// Throws for what can't be said in records.
    init(_ instance: NameInstance) throws(PluginError) {
        guard !instance.app.contains(0x2E), let service = DomainName(labels: [instance.app, OwnService.local]) else {
            throw .invalid("The id of an app is one label of a DNS name here: at most 63 bytes, without dots.")
        }
        // One label; the end of the text is what differs.
        let label = [UInt8](instance.name.suffix(63).map { $0 == 0x2E ? 0x2D : $0 })
        var bytes = [UInt8](repeating: 0, count: 16)
        let size = String(decoding: instance.address.host, as: UTF8.self).withCString { names_address_bytes($0, &bytes) }
        guard size > 0 else {
            throw .invalid("\(String(decoding: instance.address.host, as: UTF8.self)) is no IP address. Set DAPR_HOST_IP to one that others reach.")
        }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in instance.app + [0] + instance.namespace + [0] + instance.name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        // A host name of its own, so that nobody else's addresses are meant.
        let own = Array("octavo-\(hash)".utf8)
        guard let name = DomainName(labels: [label, instance.app, OwnService.local]), let host = DomainName(labels: [own, OwnService.local]) else {
            throw .invalid("The name of the instance is too long for a DNS name.")
        }
        self.instance = instance
        self.service = service
        self.name = name
        self.host = host
        address = [UInt8](bytes[..<Int(size)])
    }

    /// Nobody on another machine is to be told of it.
    var isLoopback: Bool { address.isLoopbackAddress }

    /// All its records, unasked; without a `lifetime` they are taken back.
    func announcement(_ lifetime: UInt32 = OwnService.lifetime) -> [UInt8] {
        var message = DNSWriter(id: 0, flags: 0x8400)
        add(to: &message, lifetime, isMore: false)
        return message.bytes
    }

    private func add(to message: inout DNSWriter, _ lifetime: UInt32, isMore: Bool, isLegacy: Bool = false) {
        let unique = isLegacy ? DNSMessage.internet : DNSMessage.internet | DNSMessage.top
        message.record(service, DNSMessage.Kind.pointer, ttl: lifetime, name.wire)
        var target: [UInt8] = [0, 0, 0, 0, UInt8(instance.address.port >> 8), UInt8(instance.address.port & 0xFF)]
        target += host.wire
        message.record(name, DNSMessage.Kind.service, unique, ttl: lifetime, isMore: isMore, target)
        var text = [UInt8(instance.app.count)] + instance.app
        if !instance.namespace.isEmpty {
            let said = (Array("namespace=".utf8) + instance.namespace).prefix(255)
            text += [UInt8(said.count)] + said
        }
        message.record(name, DNSMessage.Kind.text, unique, ttl: lifetime, isMore: isMore, text)
        message.record(host, address.count == 4 ? DNSMessage.Kind.a : DNSMessage.Kind.aaaa, unique, ttl: lifetime, isMore: isMore, address)
    }

    /// The answer to a query, if it asks for this one and does not say that it knows the answer. `isLegacy`: of one that is no
    /// multicast resolver (RFC 6762, 6.7), which gets its question back and believes nothing for long.
    func answer(to query: DNSMessage, isLegacy: Bool) -> [UInt8]? {
        var asked: DNSMessage.Question?
        for question in query.questions where question.group & ~DNSMessage.top == DNSMessage.internet || question.group & ~DNSMessage.top == 255 {
            let type = question.type, isAny = type == DNSMessage.Kind.any
            if question.name == service, isAny || type == DNSMessage.Kind.pointer, !knows(query) { asked = question }
            if question.name == name, isAny || type == DNSMessage.Kind.service || type == DNSMessage.Kind.text { asked = question }
            if question.name == host, isAny || type == DNSMessage.Kind.a || type == DNSMessage.Kind.aaaa { asked = question }
            if question.name == OwnService.enumeration, isAny || type == DNSMessage.Kind.pointer {
                var message = DNSWriter(id: isLegacy ? query.id : 0, flags: 0x8400)
                if isLegacy { message.question(question.name, question.type) }
                message.record(OwnService.enumeration, DNSMessage.Kind.pointer, ttl: isLegacy ? 10 : OwnService.lifetime, service.wire)
                return message.bytes
            }
        }
        guard let asked else { return nil }
        var message = DNSWriter(id: isLegacy ? query.id : 0, flags: 0x8400)
        if isLegacy { message.question(asked.name, asked.type) }
        // What was asked for is among the answers; of a pointer the rest is more than that.
        add(to: &message, isLegacy ? 10 : OwnService.lifetime, isMore: asked.name == service, isLegacy: isLegacy)
        return message.bytes
    }

    /// Whether whoever asks has had this pointer not long ago.
    private func knows(_ query: DNSMessage) -> Bool {
        query.records.contains { record in
            guard record.type == DNSMessage.Kind.pointer, record.name == service, record.ttl >= OwnService.lifetime / 2 else { return false }
            if case .name(let target) = record.data { return target == name }
            return false
        }
    }
}

extension [UInt8] {
    /// Of the 4 or 16 bytes of an address.
    var isLoopbackAddress: Bool {
        count == 4 ? self[0] == 127 : self[..<15].allSatisfy { $0 == 0 } && self[15] == 1
    }

    /// An address that says nothing without an interface, or names nobody.
    var isUnusableAddress: Bool {
        if count == 4 { return self[0] == 0 || self[0] >= 224 || self[0] == 169 && self[1] == 254 }
        return self[0] == 0xFF || self[0] == 0xFE && self[1] & 0xC0 == 0x80 || allSatisfy { $0 == 0 }
    }
}
