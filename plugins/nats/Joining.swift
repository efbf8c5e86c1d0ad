import PluginKit

/// Makes a durable consumer, or takes the one that is there. On the reactor thread.
final class Joining {
    enum Outcome {
        /// How long the server waits for an answer to a delivery. Nanoseconds.
        case joined(Int64)
        case failed(PluginError)
    }

    private let broker: JetStreamBroker
    private let stream: [UInt8]
    private let consumer: [UInt8]
    private let topic: [UInt8]

    init(_ broker: JetStreamBroker, _ stream: [UInt8], _ consumer: [UInt8], _ topic: [UInt8]) {
        self.broker = broker
        self.stream = stream
        self.consumer = consumer
        self.topic = topic
    }

    private var settings: Settings { broker.settings }

    private var configuration: JSONText {
        var config = JSONText()
        config.put("durable_name", consumer)
        config.put("filter_subject", topic)
        config.put("ack_policy", Array("explicit".utf8))
        config.put("replay_policy", Array("instant".utf8))
        switch settings.start {
        case .all: config.put("deliver_policy", Array("all".utf8))
        case .last: config.put("deliver_policy", Array("last".utf8))
        case .new: config.put("deliver_policy", Array("new".utf8))
        case .sequence:
            config.put("deliver_policy", Array("by_start_sequence".utf8))
            config.put("opt_start_seq", settings.startSequence)
        case .time:
            config.put("deliver_policy", Array("by_start_time".utf8))
            config.put("opt_start_time", Joining.date(settings.startTime))
        }
        if !settings.backOff.isEmpty {
            config.put("backoff", numbers: settings.backOff)
        } else if settings.ackWait > 0 {
            config.put("ack_wait", settings.ackWait)
        }
        if settings.maxDeliver != 0 { config.put("max_deliver", settings.maxDeliver) }
        if settings.maxAckPending != 0 { config.put("max_ack_pending", settings.maxAckPending) }
        if settings.replicas > 0 { config.put("num_replicas", settings.replicas) }
        if settings.memoryStorage { config.put("mem_storage", true) }
        return config
    }

    func make(_ done: @escaping (Outcome) -> Void) {
        var body = JSONText()
        body.put("stream_name", stream)
        body.put("config", object: configuration)
        broker.requests.ask(Array("CONSUMER.DURABLE.CREATE.".utf8) + stream + [0x2E] + consumer, body) { reply in
            switch reply.error {
            case 0: self.check(reply, done)
            // There is one with other settings.
            case 10012, 10013, 10148: self.inspect(Failure.from(reply, "make the consumer \(self.name)", self.settings), done)
            default: done(.failed(Failure.from(reply, "make the consumer \(self.name)", self.settings)))
            }
        } failed: { done(.failed($0)) }
    }

    private var name: String {
        "\(String(decoding: consumer, as: UTF8.self)) of the stream \(String(decoding: stream, as: UTF8.self))"
    }

    private func inspect(_ refused: PluginError, _ done: @escaping (Outcome) -> Void) {
        broker.requests.ask(Array("CONSUMER.INFO.".utf8) + stream + [0x2E] + consumer, nil) { reply in
            if reply.error != 0 { return done(.failed(refused)) }
            self.broker.instance.warn("The consumer \(self.name) stays as it was made: \(refused.message)")
            self.check(reply, done)
        } failed: { done(.failed($0)) }
    }

    private func check(_ reply: APIReply, _ done: (Outcome) -> Void) {
        let place = "The consumer \(name)"
        if let subject = reply.text("config.deliver_subject"), !subject.isEmpty {
            return done(.failed(PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "\(place) is one that messages are pushed to, as Dapr makes them. Delete it (nats consumer rm), or choose another durableName.")))
        }
        let filter = reply.text("config.filter_subject") ?? []
        if filter != topic {
            return done(.failed(PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "\(place) is for the topic \(String(decoding: filter, as: UTF8.self)), not for \(String(decoding: topic, as: UTF8.self)). A consumer is for one topic: leave durableName out.")))
        }
        var wait = reply.number("config.ack_wait") ?? 30_000_000_000
        for text in reply.list("config.backoff") { if let pause = text.withUnsafeBytes({ Str($0).decimal }) { wait = min(wait, Int64(clamping: pause)) } }
        done(.joined(wait))
    }

    /// RFC 3339 of seconds since 1970.
    private static func date(_ seconds: Int64) -> [UInt8] {
        var time = time_t(seconds), parts = tm()
        gmtime_r(&time, &parts)
        var text = [CChar](repeating: 0, count: 40)
        let size = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return text.prefix(size).map { UInt8(bitPattern: $0) }
    }
}
