import COctavo

/// A lock store, called in the terms of a test.
package struct LockCalls: Sendable {
    package let instance: any PluginCaller

    package init(_ instance: any PluginCaller) { self.instance = instance }

    package struct Answer: Sendable, Equatable {
        /// `OCTAVO_LOCK_OK` …
        package var result: Int32
        package var fencing: UInt64
    }

    package static let minute: Int64 = 60_000_000_000

    package func tryLock(_ resource: String, _ owner: String, expiry: Int64 = minute) throws -> Answer {
        try call(OCTAVO_LOCK_OP_TRY_LOCK, resource, owner, expiry)
    }

    package func unlock(_ resource: String, _ owner: String) throws -> Int32 {
        try call(OCTAVO_LOCK_OP_UNLOCK, resource, owner, 0).result
    }

    package func extend(_ resource: String, _ owner: String, expiry: Int64 = minute) throws -> Answer {
        try call(OCTAVO_LOCK_OP_EXTEND, resource, owner, expiry)
    }

    private func call(_ op: Int32, _ resource: String, _ owner: String, _ expiry: Int64) throws -> Answer {
        let arena = Arena()
        var request = octavo_lock_request()
        request.head = head(octavo_lock_request.self)
        request.resource = arena.str(resource)
        request.owner = arena.str(owner)
        request.expiry_ns = expiry
        let answer = try instance.call(op, request, arena) { reply in
            let reply = reply.assumingMemoryBound(to: octavo_lock_reply.self).pointee
            return Answer(result: reply.result, fencing: reply.fencing)
        }
        return answer ?? Answer(result: -1, fencing: 0)
    }
}
