import DaprProtos
import ProtoWire

/// An app's answer to one event of a stream, read where it lies: a SubscribeTopicEventsRequestAlpha1 of the most usual form.
struct ProcessedEvent {
    /// Not checked to be UTF-8. Valid as long as the message's bytes.
    private(set) var id = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var status = Dapr_Proto_Runtime_V1_TopicEventResponse.TopicEventResponseStatus.success

    /// `nil` for anything that is not just one `event_processed` with fields that are known, each at most once; what it is
    /// then, and whether it is valid, the general decoder says.
    init?(_ message: UnsafeRawBufferPointer) {
        let isUsual = try? ProtoReader.with(message) { (input) throws(ProtoError) -> Bool in
            guard try input.nextField() == 2, let body = try input.borrowed() else { return false }
            guard try input.nextField() == nil else { return false }
            return try readBody(body)
        }
        guard isUsual == true else { return nil }
    }

    private mutating func readBody(_ body: UnsafeRawBufferPointer) throws(ProtoError) -> Bool {
        try ProtoReader.with(body) { (input) throws(ProtoError) -> Bool in
            var last: UInt32 = 0
            while let field = try input.nextField() {
                guard field > last else { return false }
                last = field
                switch field {
                case 1:
                    guard let slice = try input.borrowed() else { return false }
                    id = slice
                case 2:
                    guard let slice = try input.borrowed(), try readStatus(slice) else { return false }
                default: return false
                }
            }
            return true
        }
    }

    private mutating func readStatus(_ body: UnsafeRawBufferPointer) throws(ProtoError) -> Bool {
        try ProtoReader.with(body) { (input) throws(ProtoError) -> Bool in
            guard let field = try input.nextField() else { return true }
            guard field == 1, try input.enumeration(&status) else { return false }
            return try input.nextField() == nil
        }
    }
}
