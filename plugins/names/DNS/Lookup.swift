import NamesPluginNative
import PluginKit

/// One question for the addresses of a name: asks one server after the other until one has answered. On the reactor thread.
final class Lookup {
    /// What came of it: addresses as text, none when there is no such name, and how long they hold, in nanoseconds.
    typealias Outcome = Result<(hosts: [[UInt8]], lifetime: Int64), PluginError>

    /// Datagrams on the internet are no longer than this without being cut in pieces.
    private static let size: UInt16 = 1232
    private static let types = [DNSMessage.Kind.a, DNSMessage.Kind.aaaa]

    private let name: DomainName
    private let servers: [NameAddress]
    private let patience: Int64
    private let tries: Int
    private let done: (Lookup, Outcome) -> Void
    private var tried = 0
    private var descriptor: Int32 = -1
    private var watch: Watch!
    private var timer: Timer!
    /// Of each type the number of its question, and the answer.
    private var ids: [UInt16] = []
    private var answers: [DNSMessage?] = [nil, nil]
    private var problem = PluginError.outage("There is no DNS server.")
    private var buffer = [UInt8](repeating: 0, count: 4096)

    /// `patience`: for one server, in nanoseconds. `done` is called once, later, unless it is cancelled;
    /// the owner keeps it until that has returned, and what called it, too.
    init(
        _ instance: Instance, _ name: DomainName, _ servers: [NameAddress], patience: Int64, _ done: @escaping (Lookup, Outcome) -> Void
    ) {
        self.name = name
        self.servers = servers
        self.patience = patience
        self.done = done
        tries = max(2, min(servers.count, 3))
        watch = Watch(instance) { [unowned(unsafe) self] _ in self.hear() }
        timer = Timer(instance) { [unowned(unsafe) self] in self.waited() }
    }

    func begin() { if !ask() { timer.set(after: 1) } }

    func cancel() { close() }

    private func close() {
        timer.cancel()
        watch.remove()
        if descriptor >= 0 { plugin_close(descriptor) }
        descriptor = -1
    }

    private var server: NameAddress { servers[(tried - 1) % servers.count] }

    /// Asks the next server, from another port; `false` when that did not even begin.
    private func ask() -> Bool {
        close()
        tried += 1
        answers = [nil, nil]
        ids = [0, 0].map { _ in UInt16(truncatingIfNeeded: Host.random()) }
        if ids[0] == ids[1] { ids[1] ^= 1 }
        descriptor = String(decoding: server.host, as: UTF8.self).withCString { names_udp_connect($0, Int32(server.port)) }
        guard descriptor >= 0, watch.add(descriptor, OCTAVO_EVENT_READABLE) else {
            failed(PluginError.text(ofErrno: plugin_kit_errno()))
            close()
            return false
        }
        for index in 0..<2 {
            var query = DNSWriter(id: ids[index], flags: 0x0100)
            query.question(name, Lookup.types[index])
            query.takes(Lookup.size)
            guard query.bytes.withUnsafeBytes({ names_send(descriptor, $0.baseAddress!, $0.count) }) >= 0 else {
                failed(PluginError.text(ofErrno: plugin_kit_errno()))
                close()
                return false
            }
        }
        timer.set(after: patience)
        return true
    }

    private func failed(_ cause: String) {
        problem = .outage("DNS server \(String(decoding: server.text, as: UTF8.self)) did not answer for \(name.text): \(cause).")
    }

    private func hear() {
        while true {
            let count = buffer.withUnsafeMutableBytes { names_receive(descriptor, $0.baseAddress!, $0.count) }
            if count < 0 {
                let error = plugin_kit_errno()
                if error == EAGAIN || error == EINTR { return }
                failed(PluginError.text(ofErrno: error))
                return next()
            }
            take([UInt8](buffer[..<Int(count)]))
            if descriptor < 0 { return }
        }
    }

    /// What is no answer to a question that was asked is passed over.
    private func take(_ bytes: [UInt8]) {
        guard let message = DNSMessage(bytes), message.isAnswer, let index = ids.firstIndex(of: message.id), answers[index] == nil,
            message.questions.count == 1, message.questions[0].name == name, message.questions[0].type == Lookup.types[index]
        else { return }
        // No error, or no such name; everything else another server may know better.
        guard message.status == 0 || message.status == 3 else {
            failed("it refused with \(message.status)")
            return next()
        }
        answers[index] = message
        if answers[0] != nil, answers[1] != nil { end() }
    }

    private func waited() {
        // One of both is enough when it has something.
        if descriptor >= 0, answers.contains(where: { $0.map { !found(in: $0).hosts.isEmpty } ?? false }) { return end() }
        if descriptor >= 0 { failed("nothing came within \(patience / 1_000_000) ms") }
        next()
    }

    private func next() {
        while tried < tries { if ask() { return } }
        close()
        done(self, .failure(problem))
    }

    private func end() {
        close()
        var hosts: [[UInt8]] = [], lifetime: Int64 = .max
        for case let answer? in answers {
            let found = found(in: answer)
            hosts += found.hosts
            lifetime = min(lifetime, found.lifetime)
        }
        done(self, .success((hosts, lifetime == .max ? 0 : lifetime)))
    }

    /// Addresses of the name, and of what it is another name for.
    private func found(in message: DNSMessage) -> (hosts: [[UInt8]], lifetime: Int64) {
        var names = [name], hosts: [[UInt8]] = [], seconds: UInt32 = .max
        for _ in 0..<8 {
            let count = names.count
            for record in message.records where record.type == DNSMessage.Kind.alias && names.contains(record.name) {
                if case .name(let target) = record.data, !names.contains(target) {
                    names.append(target)
                    seconds = min(seconds, record.ttl)
                }
            }
            if names.count == count { break }
        }
        for record in message.records where names.contains(record.name) {
            guard case .address(let address) = record.data else { continue }
            let text = address.addressText
            if !hosts.contains(text) { hosts.append(text) }
            seconds = min(seconds, record.ttl)
        }
        // A name without addresses tells nothing of how long; one whose records hold no time is asked for again soon.
        return (hosts, hosts.isEmpty ? .max : max(Int64(min(seconds, 30)), 1) * 1_000_000_000)
    }
}

extension [UInt8] {
    /// 4 or 16 bytes of an address, as a person writes it.
    var addressText: [UInt8] {
        var text = [CChar](repeating: 0, count: 64)
        names_address_text(self, Int32(count), &text, text.count)
        return text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    }
}

/// Where `close` is a method of the class.
private func plugin_close(_ descriptor: Int32) { _ = close(descriptor) }
