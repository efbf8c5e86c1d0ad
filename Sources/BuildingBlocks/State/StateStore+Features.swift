import COctavo

extension StateStore {
    /// What the writes ask for and a store that is ready does not have. A write that is not compared, or a value
    /// that does not go away, must not pass for one that was or does: better no write.
    func lacks(_ writes: [StateWrite], _ lives: [Int64], _ operation: StateFailure.Operation) -> StateFailure? {
        guard ref.isReady, !supports(OCTAVO_STATE_ETAG | OCTAVO_STATE_TTL) else { return nil }
        let comparesNone = !supports(OCTAVO_STATE_ETAG)
        let keepsAll = !supports(OCTAVO_STATE_TTL)
        for (write, life) in zip(writes, lives) {
            if comparesNone, write.isConditional {
                return .notOffered(
                    store: name, operation: operation,
                    cause: "\(ref.type) has no etags, so it can't compare before it writes key \(write.key); send "
                        + "neither an etag nor first-write, or use a store that has them")
            }
            if keepsAll, life > 0 {
                return .notOffered(
                    store: name, operation: operation,
                    cause: "\(ref.type) has no time to live, so key \(write.key) would stay; leave out "
                        + "ttlInSeconds, or use a store that has it")
            }
        }
        return nil
    }
}

extension StateWrite {
    /// Whether it happens only if the stored value is the expected one, or is absent.
    var isConditional: Bool { etag != nil || concurrency == OCTAVO_CONCURRENCY_FIRST_WRITE }
}
