import COctavo
import Components

/// A message as it came, for the dead-letter topic.
final class KeptMessage {
    let data: [UInt8]
    let contentType: String
    let metadata: [(String, String)]

    /// Copies it.
    init(_ message: octavo_pubsub_message) {
        data = Array(message.data.bytes)
        contentType = String(message.content_type)
        metadata = message.metadata.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) }
    }
}
