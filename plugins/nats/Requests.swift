import NATSPluginNative
import PluginKit

/// What waits for an answer to one request. It is told once of its end, on the reactor thread.
class Exchange {
    /// CLOCK_MONOTONIC.
    fileprivate(set) var deadline: Int64 = 0

    /// The letter is valid during the call.
    func answered(_ letter: UnsafePointer<nats_letter>) {}
    /// Without an answer.
    func failed(_ error: PluginError) {}
}

/// An exchange that is two closures.
final class Question: Exchange {
    private let answer: (APIReply) -> Void
    private let failure: (PluginError) -> Void
    private let settings: Settings

    init(_ settings: Settings, _ answer: @escaping (APIReply) -> Void, failed: @escaping (PluginError) -> Void) {
        self.settings = settings
        self.answer = answer
        failure = failed
    }

    override func answered(_ letter: UnsafePointer<nats_letter>) {
        if letter.pointee.status == 503 { failure(Failure.noJetStream(settings)) } else { answer(APIReply(letter)) }
    }

    override func failed(_ error: PluginError) { failure(error) }
}

/// Requests under way: all answers come to one inbox, the last word of the subject says to which. On the reactor thread.
final class Requests {
    private let link: Link
    private var open: [UInt64: Exchange] = [:]
    private var number: UInt64 = 0
    private var inbox: [UInt8] = []
    /// Of the inbox; 0: there is none.
    private(set) var tag: UInt64 = 0

    /// Nanoseconds.
    static let patience: Int64 = 5_000_000_000
    /// Requests under way at once.
    static let limit = 16_384

    init(_ link: Link) { self.link = link }

    /// For a new connection.
    func begin() throws(PluginError) {
        var name = [CChar](repeating: 0, count: 128)
        nats_new_inbox_name(&name, name.count)
        inbox = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) } + [0x2E]
        tag = try link.subscribe(inbox + [0x2A])
    }

    var count: Int { open.count }

    func send(_ subject: [CChar], _ data: UnsafeRawBufferPointer, id: [CChar]? = nil, _ exchange: Exchange) throws(PluginError) {
        if tag == 0 { throw link.error }
        guard open.count < Requests.limit else { throw Failure.tooMuch }
        number += 1
        var reply = inbox
        Decimal.append(Int64(number), to: &reply)
        try link.send(subject, reply: link.cString(reply), data, id: id)
        exchange.deadline = Host.now() + Requests.patience
        open[number] = exchange
    }

    func send(_ subject: [CChar], _ data: [UInt8], _ exchange: Exchange) throws(PluginError) {
        var failure: PluginError?
        data.withUnsafeBytes { data in
            do throws(PluginError) { try send(subject, data, exchange) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Asks JetStream's API; `command` follows its prefix.
    func ask(_ command: [UInt8], _ body: JSONText?, _ answer: @escaping (APIReply) -> Void, failed: @escaping (PluginError) -> Void) {
        let subject = link.cString(link.settings.api + command)
        do throws(PluginError) {
            try send(subject, body?.end ?? [], Question(link.settings, answer, failed: failed))
        } catch { failed(error) }
    }

    /// Sends to the own inbox, from the server and back.
    func ping(_ exchange: Exchange) throws(PluginError) {
        if tag == 0 { throw link.error }
        let subject = inbox.dropLast()
        // The answer is the message itself.
        number += 1
        var own = Array(subject) + [0x2E]
        Decimal.append(Int64(number), to: &own)
        try link.send(link.cString(own), reply: nil, UnsafeRawBufferPointer(start: nil, count: 0))
        exchange.deadline = Host.now() + Requests.patience
        open[number] = exchange
    }

    func take(_ letter: UnsafePointer<nats_letter>) {
        guard let subject = letter.pointee.subject else { return }
        let text = UnsafeRawBufferPointer(start: subject, count: strlen(subject))
        guard let dot = text.lastIndex(of: 0x2E), let number = Str(UnsafeRawBufferPointer(rebasing: text[(dot + 1)...])).decimal,
            let exchange = open.removeValue(forKey: number)
        else { return }
        exchange.answered(letter)
    }

    /// The connection is lost: none of them will be answered.
    func fail(_ error: PluginError) {
        tag = 0
        let failing = open
        open = [:]
        for exchange in failing.values { exchange.failed(error) }
    }

    func expire(_ now: Int64) {
        var late: [UInt64] = []
        for (number, exchange) in open where exchange.deadline <= now { late.append(number) }
        guard !late.isEmpty else { return }
        let error = Failure.silent(link.settings, link.complaint)
        for number in late { open.removeValue(forKey: number)?.failed(error) }
    }
}
