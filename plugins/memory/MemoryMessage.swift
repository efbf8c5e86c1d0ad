import PluginKit

/// A message, shared by the queues that it waits in. Constant.
final class MemoryMessage {
    private let topic: [UInt8]
    private let data: [UInt8]
    private let contentType: [UInt8]
    private let pairs: [([UInt8], [UInt8])]
    /// Wall time; 0: never.
    private let expires: Int64

    init(_ request: UnsafePointer<octavo_pubsub_publish_request>) {
        topic = request.pointee.topic.array
        data = [UInt8](request.pointee.data.raw)
        contentType = request.pointee.content_type.array
        expires = request.pointee.ttl_ns > 0 ? plugin_kit_wall() &+ request.pointee.ttl_ns : 0
        let metadata = request.pointee.head.metadata
        var pairs: [([UInt8], [UInt8])] = []
        for index in 0..<Int(metadata.count) {
            let pair = metadata.at(index, as: octavo_pair.self)
            pairs.append((pair.pointee.name.array, pair.pointee.value.array))
        }
        self.pairs = pairs
    }

    var isExpired: Bool { expires != 0 && plugin_kit_wall() >= expires }

    func deliver(to source: Source, token: UInt64, attempt: UInt32) -> Source.Delivered {
        var message = octavo_pubsub_message()
        message.attempt = attempt
        return topic.withUnsafeBytes { topic in
            data.withUnsafeBytes { data in
                contentType.withUnsafeBytes { type in
                    message.topic = Str(topic)
                    message.data = Bytes(data)
                    message.content_type = Str(type)
                    guard !pairs.isEmpty else { return source.deliver(token, &message) }
                    return PairList.with(pairs) { list in
                        message.metadata = list
                        return source.deliver(token, &message)
                    }
                }
            }
        }
    }
}
