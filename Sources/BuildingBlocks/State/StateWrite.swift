import COctavo
import Components

/// One write as an app asks for it.
package struct StateWrite: Sendable {
    package var key: String
    package var value: [UInt8]
    /// Present, even empty, makes it conditional.
    package var etag: String?
    package var metadata: [(String, String)]
    package var concurrency: Int32
    package var consistency: Int32
    package var isRemoval: Bool

    package init(
        key: String, value: [UInt8] = [], etag: String? = nil, metadata: [(String, String)] = [],
        concurrency: Int32 = 0, consistency: Int32 = 0, isRemoval: Bool = false
    ) {
        self.key = key
        self.value = value
        self.etag = etag
        self.metadata = metadata
        self.concurrency = concurrency
        self.consistency = consistency
        self.isRemoval = isRemoval
    }

    /// Upper bound of the bytes that it takes in a request, beside the structure. The content type is in
    /// there twice: as a member, and among the metadata.
    func size(prefix: Int) -> Int {
        prefix + key.utf8.count + value.count + (etag?.utf8.count ?? 0) + (value(of: "contentType")?.utf8.count ?? 0)
            + 80 + metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 40 }
    }

    /// The time to live that the metadata asks for. Source: Dapr's `ttlInSeconds`, a number of 32 bits; -1
    /// is for ever; 0, empty and absent leave it to the component.
    func timeToLive() -> Result<Int64, BadTimeToLive> {
        guard let text = value(of: "ttlInSeconds"), !text.isEmpty else { return .success(Int64(OCTAVO_TTL_UNSPECIFIED)) }
        guard let seconds = Int64(text), seconds >= -1, seconds <= Int64(Int32.max) else {
            return .failure(BadTimeToLive(text: text))
        }
        return .success(seconds == -1 ? Int64(OCTAVO_TTL_NEVER) : seconds * 1_000_000_000)
    }

    struct BadTimeToLive: Error { let text: String }

    func value(of name: String) -> String? { metadata.first { $0.0 == name }?.1 }

    /// Fills in the structure of the ABI.
    func fill<Request>(_ out: inout octavo_state_write, _ slot: inout RequestSlot<Request>, prefix: [UInt8], ttl: Int64) {
        var key = self.key
        out.key = key.withUTF8 { text in prefix.withUnsafeBytes { slot.text($0, UnsafeRawBufferPointer(text)) } }
        if isRemoval {
            out.operation = OCTAVO_STATE_REMOVE
        } else {
            out.operation = OCTAVO_STATE_SET
            out.value = value.withUnsafeBytes { slot.bytes($0) }
            if let type = value(of: "contentType") { out.content_type = slot.text(type) }
        }
        if let etag { out.etag = slot.text(etag) }
        out.ttl_ns = ttl
        out.concurrency = concurrency
        out.consistency = consistency
        if !metadata.isEmpty { out.metadata = slot.pairs(metadata) }
    }
}

extension StateWrite: Equatable {
    package static func == (one: StateWrite, other: StateWrite) -> Bool {
        one.key == other.key && one.value == other.value && one.etag == other.etag && one.concurrency == other.concurrency
            && one.consistency == other.consistency && one.isRemoval == other.isRemoval
            && one.metadata.elementsEqual(other.metadata) { $0 == $1 }
    }

    /// The etag that makes a write conditional. An empty one does not, as in Dapr's stores: clients read a
    /// missing key, get an empty etag, and write with it.
    package static func condition(_ etag: String?) -> String? { etag.flatMap { $0.isEmpty ? nil : $0 } }

    /// `OCTAVO_CONCURRENCY_*` of Dapr's word in JSON.
    package static func concurrency(_ word: String) -> Int32 {
        switch word {
        case "first-write": OCTAVO_CONCURRENCY_FIRST_WRITE
        case "last-write": OCTAVO_CONCURRENCY_LAST_WRITE
        default: OCTAVO_CONCURRENCY_UNSPECIFIED
        }
    }

    /// `OCTAVO_CONSISTENCY_*` of Dapr's word in JSON.
    package static func consistency(_ word: String) -> Int32 {
        switch word {
        case "strong": OCTAVO_CONSISTENCY_STRONG
        case "eventual": OCTAVO_CONSISTENCY_EVENTUAL
        default: OCTAVO_CONSISTENCY_UNSPECIFIED
        }
    }
}
