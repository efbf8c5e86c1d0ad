import PluginKit
import RabbitMQPluginNative

/// A message on its way to the server. What it points at belongs to its call, and stays readable until that has ended.
final class Outgoing {
    private let call: Call
    private let done: (Call) -> Void
    /// To be declared before; `nil`: it is there.
    let exchange: [UInt8]?
    let publication: rabbit_publication
    /// Milliseconds; 0: none.
    private let expiration: Int64
    var attempts = 0

    init(_ call: Call, _ publication: rabbit_publication, declaring exchange: [UInt8]?, expiration: Int64, _ done: @escaping (Call) -> Void) {
        self.call = call
        self.publication = publication
        self.exchange = exchange
        self.expiration = expiration
        self.done = done
    }

    func send(_ body: (UnsafePointer<rabbit_publication>) -> Int32) -> Int32 {
        var publication = publication
        guard expiration > 0 else { return body(&publication) }
        return Decimal.with(UInt64(expiration)) { digits in
            publication.expiration = digits
            return body(&publication)
        }
    }

    func published() { done(call) }
    func fail(_ error: PluginError) { call.fail(error) }

    /// Whether a sentence of the server is about where this one goes.
    func isNamed(in text: String) -> Bool {
        let name = [0x27] + publication.exchange.array + [0x27], said = Array(text.utf8)
        guard said.count >= name.count else { return false }
        for start in 0...(said.count - name.count) where said[start..<(start + name.count)].elementsEqual(name) { return true }
        return false
    }
}

/// What the metadata of a message say of it, in Dapr's names.
enum MessageMetadata {
    static func apply(_ metadata: octavo_list, to publication: inout rabbit_publication) throws(PluginError) {
        publication.priority = -1
        for index in 0..<Int(metadata.count) {
            let pair = metadata.at(index, as: octavo_pair.self).pointee
            if pair.value.isEmpty { continue }
            if pair.name.isLike("contenttype") { publication.content_type = pair.value }
            else if pair.name.isLike("messageid") { publication.message_id = pair.value }
            else if pair.name.isLike("correlationid") { publication.correlation_id = pair.value }
            else if pair.name.isLike("type") { publication.type = pair.value }
            else if pair.name.isLike("replyto") { publication.reply_to = pair.value }
            else if pair.name.isLike("routingkey") { publication.key = pair.value }
            else if pair.name.isLike("priority") {
                guard let number = pair.value.decimal, number <= 255 else {
                    throw .invalid("The metadata priority is a number from 0 to 255.")
                }
                publication.priority = Int32(number)
            }
        }
        try checkShort(publication.key, "routingKey")
        try checkShort(publication.content_type, "contentType")
        try checkShort(publication.message_id, "messageId")
        try checkShort(publication.correlation_id, "correlationId")
        try checkShort(publication.type, "type")
        try checkShort(publication.reply_to, "replyTo")
    }

    /// Names of the protocol have a length of one byte.
    static func checkShort(_ text: Str, _ name: StaticString) throws(PluginError) {
        if text.count > 255 { throw .invalid("\(name) has \(text.count) bytes; RabbitMQ takes 255 at most.") }
    }
}

extension octavo_str {
    /// Whether it is `name`, which is in small letters, in letters of any size.
    func isLike(_ name: StaticString) -> Bool {
        let own = raw
        guard own.count == name.utf8CodeUnitCount else { return false }
        for index in 0..<own.count {
            let byte = own[index]
            if (byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) != name.utf8Start[index] { return false }
        }
        return true
    }
}
