/// A key of a state store as it was read.
package struct StateItem: Sendable, Equatable {
    /// The value, byte for byte.
    package var value: [UInt8]
    /// nil when the store has no etags.
    package var etag: String?

    package init(value: [UInt8], etag: String? = nil) {
        self.value = value
        self.etag = etag
    }
}

/// A write to a key of a state store.
package struct StateWrite: Sendable, Equatable {
    /// The value, byte for byte.
    package var value: [UInt8]
    /// Write only if the key still has this etag; nil writes in any case.
    package var etag: String?
    /// Remove the key after this many seconds; nil keeps it.
    package var ttlSeconds: Int?

    package init(value: [UInt8], etag: String? = nil, ttlSeconds: Int? = nil) {
        self.value = value
        self.etag = etag
        self.ttlSeconds = ttlSeconds
    }
}
