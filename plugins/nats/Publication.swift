import NATSPluginNative
import PluginKit

/// One message on its way to a stream. It ends when the stream has it.
class Publication: Exchange {
    let broker: JetStreamBroker
    private let topic: Str
    private let data: Bytes
    private let isRaw: Bool
    private var isRepeated = false

    /// What `topic` and `data` point at stays until the call has ended.
    init(_ broker: JetStreamBroker, _ topic: Str, _ data: Bytes, isRaw: Bool) {
        self.broker = broker
        self.topic = topic
        self.data = data
        self.isRaw = isRaw
    }

    /// The stream has it, under this number.
    func published(_ sequence: Int64) {}

    func send() {
        do throws(PluginError) {
            guard data.count <= broker.link.maxPayload || broker.link.raw == nil else {
                throw .invalid(
                    "The message has \(data.count) bytes, and the server takes at most \(broker.link.maxPayload) (max_payload). Raise that, or send less.")
            }
            try broker.requests.send(broker.link.cString(topic.array), data.raw, id: eventID, self)
        } catch { failed(error) }
    }

    /// With the id of the event, as Dapr has it, a stream drops what comes twice within its time for that. What is no event
    /// of the runtime may well have the same id as another one.
    private var eventID: [CChar]? {
        guard !isRaw, data.count > 0 else { return nil }
        return data.raw.withMemoryRebound(to: CChar.self) { text in
            var id: UnsafePointer<CChar>?
            let size = nats_event_id(text.baseAddress!, text.count, &id)
            guard size > 0, size <= 512, let id else { return nil }
            return [CChar](UnsafeBufferPointer(start: id, count: size)) + [0]
        }
    }

    override func answered(_ letter: UnsafePointer<nats_letter>) {
        if letter.pointee.status == 503 { return nobodyTookIt() }
        let reply = APIReply(letter)
        if reply.error == 0, let sequence = reply.number("seq") { return published(sequence) }
        if reply.error == 0 { return failed(PluginError(OCTAVO_CODE_INTERNAL, "What answers the topic \(topic.string) is no stream of JetStream.")) }
        failed(Failure.from(reply, "take the message", broker.settings))
    }

    private func nobodyTookIt() {
        let topic = topic.array
        broker.streams.find(topic) { found in
            switch found {
            case .error(let error): self.failed(error)
            case .name where self.isRepeated: self.failed(Failure.streamAway(topic, self.broker.settings))
            case .name:
                self.isRepeated = true
                self.send()
            }
        }
    }
}

/// That of one call.
final class SinglePublication: Publication {
    private let reply: PublishReply

    init(_ broker: JetStreamBroker, _ request: UnsafePointer<octavo_pubsub_publish_request>, _ reply: PublishReply) {
        self.reply = reply
        super.init(broker, request.pointee.topic, request.pointee.data, isRaw: request.pointee.flags & OCTAVO_PUBLISH_RAW != 0)
    }

    override func published(_ sequence: Int64) { Decimal.with(UInt64(sequence)) { reply.published($0) } }
    override func failed(_ error: PluginError) { reply.call.fail(error) }
}

/// Many messages of one call, which ends when each has its result.
final class BulkPublication {
    private let request: UnsafePointer<octavo_pubsub_bulk_publish_request>
    private let reply: BulkPublishReply
    private var errors: [PluginError?]
    private var left: Int

    init(_ request: UnsafePointer<octavo_pubsub_bulk_publish_request>, _ reply: BulkPublishReply) {
        self.request = request
        self.reply = reply
        left = Int(request.pointee.entries.count)
        errors = [PluginError?](repeating: nil, count: left)
    }

    func send(_ broker: JetStreamBroker) {
        if left == 0 { return finish() }
        let isRaw = request.pointee.flags & OCTAVO_PUBLISH_RAW != 0
        for index in errors.indices {
            let entry = request.pointee.entries.at(index, as: octavo_pubsub_entry.self)
            Entry(self, index, broker, request.pointee.topic, entry.pointee.data, isRaw: isRaw).send()
        }
    }

    private func ended(_ index: Int, _ error: PluginError?) {
        errors[index] = error
        left -= 1
        if left == 0 { finish() }
    }

    private func finish() {
        var texts: [[UInt8]] = []
        for error in errors { texts.append(error.map { Array($0.message.utf8) } ?? []) }
        withUnsafeTemporaryAllocation(of: octavo_pubsub_entry_result.self, capacity: errors.count + 1) { results in
            var size = 0
            for text in texts { size += text.count }
            withUnsafeTemporaryAllocation(byteCount: size + 1, alignment: 1) { room in
                var at = room.baseAddress!
                for index in errors.indices {
                    let id = request.pointee.entries.at(index, as: octavo_pubsub_entry.self).pointee.id
                    var result = octavo_pubsub_entry_result(id: id, error: octavo_item_error())
                    if let error = errors[index] {
                        texts[index].withUnsafeBytes { if $0.count > 0 { memcpy(at, $0.baseAddress!, $0.count) } }
                        result.error = error.item(message: Str(at, texts[index].count))
                        at += texts[index].count
                    }
                    (results.baseAddress! + index).initialize(to: result)
                }
                reply.results(UnsafeBufferPointer(start: results.baseAddress, count: errors.count))
            }
        }
    }

    private final class Entry: Publication {
        private let bulk: BulkPublication
        private let index: Int

        init(_ bulk: BulkPublication, _ index: Int, _ broker: JetStreamBroker, _ topic: Str, _ data: Bytes, isRaw: Bool) {
            self.bulk = bulk
            self.index = index
            super.init(broker, topic, data, isRaw: isRaw)
        }

        override func published(_ sequence: Int64) { bulk.ended(index, nil) }
        override func failed(_ error: PluginError) { bulk.ended(index, error) }
    }
}
