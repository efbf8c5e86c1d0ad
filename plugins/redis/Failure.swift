import PluginKit

/// What an error of the server means for an operator.
enum Failure {
    static func from(_ reply: Str, _ settings: Settings) -> PluginError {
        let said = reply.string
        let server = settings.address
        func starts(_ word: StaticString) -> Bool { reply.hasPrefix(Str(word)) }
        if starts("LOADING") || starts("BUSY") || starts("MASTERDOWN") || starts("TRYAGAIN") {
            return .outage("The Redis server \(server) is not ready: \(said).")
        }
        if starts("READONLY") {
            return .outage("The Redis server \(server) is a replica and takes no writes. Point redisHost at the master.")
        }
        if starts("OOM") {
            return PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED,
                "The Redis server \(server) is out of memory (maxmemory). Raise it, or set an eviction policy.",
                flags: OCTAVO_ERROR_RETRYABLE)
        }
        if starts("MISCONF") {
            return .outage("The Redis server \(server) refuses writes because it can't save: \(said).")
        }
        if starts("MOVED") || starts("ASK") || starts("CROSSSLOT") || starts("CLUSTERDOWN") {
            return PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The Redis server \(server) is part of a cluster, which this plugin does not speak to (\(said)). Use a single server or a proxy.",
                flags: OCTAVO_ERROR_PERMANENT)
        }
        if starts("NOAUTH") || starts("WRONGPASS") || starts("ERR AUTH") || starts("ERR invalid password") {
            return PluginError(
                OCTAVO_CODE_UNAUTHENTICATED,
                "The Redis server \(server) refuses the user or the password. Check redisUsername and redisPassword.",
                flags: OCTAVO_ERROR_PERMANENT)
        }
        if starts("NOPERM") {
            return PluginError(
                OCTAVO_CODE_PERMISSION_DENIED,
                "The user may not do this on the Redis server \(server): \(said). State needs HMGET, GET, DEL, UNLINK, SCAN, PING, EVAL, EVALSHA and SCRIPT LOAD, locks SET besides, configuration MGET, MSET, SUBSCRIBE and PSUBSCRIBE.")
        }
        if starts("WRONGTYPE") {
            return PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "The key holds something that no state store wrote: neither a hash nor a text. Remove it or choose another key.")
        }
        return PluginError(OCTAVO_CODE_INTERNAL, "The Redis server \(server) answered: \(said).")
    }

    /// A reply of another shape than the command has.
    static func unexpected(_ settings: Settings) -> PluginError {
        PluginError(
            OCTAVO_CODE_INTERNAL,
            "The Redis server \(settings.address) gave a reply of another shape than the command has. Is it really Redis, version 6 or later?")
    }

    static func lost(_ settings: Settings, _ why: String) -> PluginError {
        .outage("The connection to the Redis server \(settings.address) is lost: \(why).")
    }

    static func down(_ settings: Settings, _ why: String) -> PluginError {
        .outage("There is no connection to the Redis server \(settings.address): \(why). It is tried again.")
    }

    static let tooMuch = PluginError(
        OCTAVO_CODE_RESOURCE_EXHAUSTED, "Too many requests wait for the Redis server already. Send less at a time.",
        flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
}
