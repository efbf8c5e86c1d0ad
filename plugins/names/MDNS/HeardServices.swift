import PluginKit

/// What has been heard of the instances of one app. Nothing is kept that nobody has asked for, and of that only so much.
struct HeardServices {
    private struct Service {
        let name: DomainName
        var port = 0
        var host: DomainName?
        var texts: [[UInt8]] = []
        /// CLOCK_MONOTONIC in nanoseconds.
        var until: Int64
    }

    private struct Host {
        let name: DomainName
        var four: [UInt8]?
        var six: [UInt8]?
    }

    private static let limit = 512
    private static let said = Array("namespace=".utf8)

    let service: DomainName
    private var services: [Service] = []
    private var hosts: [Host] = []

    init(_ service: DomainName) { self.service = service }

    /// Takes what a message says of them; whether that was anything. `longest`: until when it may be believed without being heard again.
    mutating func take(_ message: DNSMessage, isLoopback: Bool, now: Int64, longest: Int64) -> Bool {
        var isAny = false
        for record in message.records {
            var name: DomainName?
            switch record.data {
            case .name(let target) where record.type == DNSMessage.Kind.pointer && record.name == service && target.isChild(of: service):
                name = target
            case .service, .texts: if record.name.isChild(of: service) { name = record.name }
            default: break
            }
            guard let name else { continue }
            isAny = true
            if record.ttl == 0 {
                services.removeAll { $0.name == name }
                continue
            }
            let place: Int
            if let found = services.firstIndex(where: { $0.name == name }) {
                place = found
            } else {
                guard services.count < Self.limit else { continue }
                place = services.count
                services.append(Service(name: name, until: now))
            }
            services[place].until = now + min(longest, Int64(record.ttl) * 1_000_000_000)
            if case .service(let port, let host) = record.data { (services[place].port, services[place].host) = (port, host) }
            if case .texts(let texts) = record.data { services[place].texts = texts }
        }
        for record in message.records where record.group & ~DNSMessage.top == DNSMessage.internet {
            guard case .address(let address) = record.data, services.contains(where: { $0.host == record.name }) else { continue }
            // One of another machine names that one alone.
            if address.isUnusableAddress || address.isLoopbackAddress && !isLoopback { continue }
            isAny = true
            var host = hosts.first { $0.name == record.name } ?? Host(name: record.name)
            if address.count == 4 { host.four = record.ttl == 0 ? nil : address } else { host.six = record.ttl == 0 ? nil : address }
            hosts.removeAll { $0.name == record.name }
            hosts.append(host)
        }
        return isAny
    }

    /// Forgets what has not been heard for too long.
    mutating func expire(_ now: Int64) {
        services.removeAll { $0.until <= now }
        let left = services
        hosts.removeAll { host in !left.contains { $0.host == host.name } }
    }

    /// Where those of a namespace are. One that names none, as Dapr's don't, is of every one.
    func addresses(_ namespace: [UInt8]) -> [NameAddress] {
        var found: [NameAddress] = []
        for service in services {
            if let text = service.texts.first(where: { $0.starts(with: Self.said) }), !text.dropFirst(Self.said.count).elementsEqual(namespace) {
                continue
            }
            guard let host = hosts.first(where: { $0.name == service.host }), let bytes = host.four ?? host.six,
                let address = NameAddress(host: bytes.addressText, port: service.port), !found.contains(address)
            else { continue }
            found.append(address)
        }
        return found
    }

    /// Asks for all of them, and for what is missing of those that are known.
    func query() -> [UInt8] {
        var message = DNSWriter(id: 0, flags: 0)
        message.question(service, DNSMessage.Kind.pointer)
        for one in services.prefix(8) {
            guard let host = one.host else {
                message.question(one.name, DNSMessage.Kind.service)
                continue
            }
            if !hosts.contains(where: { $0.name == host }) {
                message.question(host, DNSMessage.Kind.a)
                message.question(host, DNSMessage.Kind.aaaa)
            }
        }
        return message.bytes
    }
}
