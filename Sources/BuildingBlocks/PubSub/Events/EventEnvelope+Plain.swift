import Glibc
import JSONText

extension EventEnvelope {
    /// The same event as `make` writes, in one piece, where there is nothing to escape and nothing to override: nearly always.
    /// `nil` when there is.
    func plain(_ kind: ContentKind, _ data: UnsafeRawBufferPointer, id: String, time: String) -> [UInt8]? {
        guard metadata.isEmpty, expiration.isEmpty, kind == .text || kind == .json else { return nil }
        guard kind == .json ? isJSON(data) : isPlainJSONText(data) else { return nil }
        let type = contentType.isEmpty ? "text/plain" : contentType
        let texts = type.utf8.count + id.utf8.count + pubsub.utf8.count + source.utf8.count + time.utf8.count + topic.utf8.count
            + 2 * traceParent.utf8.count + traceState.utf8.count
        var isPlain = true
        let event = [UInt8](unsafeUninitializedCapacity: data.count + texts + Self.literals) { room, count in
            var pieces = Pieces(UnsafeMutableRawBufferPointer(room))
            if kind == .json {
                pieces.literal("{\"data\":")
                pieces.add(data)
                pieces.literal(",\"datacontenttype\":\"")
            } else {
                pieces.literal("{\"data\":\"")
                pieces.add(data)
                pieces.literal("\",\"datacontenttype\":\"")
            }
            pieces.add(type)
            pieces.literal("\",\"id\":\"")
            pieces.add(id)
            pieces.literal("\",\"pubsubname\":\"")
            pieces.add(pubsub)
            pieces.literal("\",\"source\":\"")
            pieces.add(source)
            pieces.literal("\",\"specversion\":\"1.0\",\"time\":\"")
            pieces.add(time)
            pieces.literal("\",\"topic\":\"")
            pieces.add(topic)
            pieces.literal("\",\"traceid\":\"")
            pieces.add(traceParent)
            pieces.literal("\",\"traceparent\":\"")
            pieces.add(traceParent)
            pieces.literal("\",\"tracestate\":\"")
            pieces.add(traceState)
            pieces.literal("\",\"type\":\"com.dapr.event.sent\"}")
            isPlain = pieces.isPlain
            count = isPlain ? pieces.count : 0
        }
        return isPlain ? event : nil
    }

    /// Room for what is written around the values.
    private static let literals = 256

    /// Puts pieces one behind the other into memory that has room for all of them.
    private struct Pieces {
        private let room: UnsafeMutableRawBufferPointer
        private(set) var count = 0
        private(set) var isPlain = true

        init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

        mutating func add(_ bytes: UnsafeRawBufferPointer) {
            guard let from = bytes.baseAddress else { return }
            precondition(bytes.count <= room.count - count, "the room for an event was reckoned too small")
            memcpy(room.baseAddress.unsafelyUnwrapped + count, from, bytes.count)
            count += bytes.count
        }

        mutating func literal(_ literal: StaticString) {
            add(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
        }

        mutating func add(_ text: String) {
            var text = text
            text.withUTF8 { utf8 in
                let bytes = UnsafeRawBufferPointer(utf8)
                if isPlain, isPlainJSONText(bytes) { add(bytes) } else { isPlain = false }
            }
        }
    }
}
