import PluginKit

/// One write as a statement and its parameters.
struct StateWrite {
    let write: UnsafePointer<octavo_state_write>
    let isRemoval: Bool
    private let expected: [UInt8]?

    init(_ write: UnsafePointer<octavo_state_write>, removes: Bool) throws(PluginError) {
        self.write = write
        isRemoval = removes
        guard write.pointee.etag.isPresent else {
            expected = nil
            return
        }
        guard let etag = UUIDText.parse(write.pointee.etag) else {
            // No row has it. Dapr says the same of an etag that is no UUID.
            throw .etagMismatch
        }
        expected = etag
    }

    private var isFirst: Bool {
        expected == nil && !isRemoval && write.pointee.concurrency == OCTAVO_CONCURRENCY_FIRST_WRITE
    }

    /// What it means that no row was written.
    var refusal: PluginError { isFirst ? .keyExists : .etagMismatch }

    /// Adds it to an exchange. `isStrict`: no row is an error.
    func add(to exchange: Exchange, _ statements: StateStatements, isStrict: Bool) {
        var parameters = Parameters()
        parameters.add(text: write.pointee.key)
        if !isRemoval {
            parameters.add(bytes: write.pointee.value)
            // Beyond 285 years a double of microseconds is not exact.
            parameters.add(integer: write.pointee.ttl_ns > 0 ? max(write.pointee.ttl_ns / 1000, 1) : nil)
        }
        if let expected { parameters.add(uuid: expected) }
        let statement =
            if isRemoval {
                expected == nil ? statements.remove : isStrict ? statements.strictRemove : statements.removeIfMatch
            } else if expected != nil {
                isStrict ? statements.strictUpdate : statements.updateIfMatch
            } else if isFirst {
                isStrict ? statements.strictFirst : statements.insertFirst
            } else {
                statements.upsert
            }
        exchange.add(statement, parameters)
    }

    /// The new etag as text, empty after a removal; throws when nothing was written.
    func etag(_ rows: Rows) throws(PluginError) -> [UInt8] {
        if isRemoval, expected == nil { return [] }
        guard rows.count > 0 else { throw refusal }
        return isRemoval ? [] : UUIDText.text(rows.text(0, 0))
    }
}
