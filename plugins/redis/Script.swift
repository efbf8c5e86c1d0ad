import PluginKit

/// What runs inside the server, so that a check and its write are one step. A key of state is a hash of `data`,
/// `version` (the etag) and, after a first write, `first-write`; a lock is a text, its owner: the shapes that Dapr gives
/// them.
enum Script: Int {
    case set
    case remove
    case transact
    case unlock
    case extend

    static let count = 5

    /// How a write is guarded.
    enum Guard {
        /// `u`: whatever is there. `m`: only with this etag. `f`: only if nothing is there.
        static let none: StaticString = "u"
        static let match: StaticString = "m"
        static let first: StaticString = "f"
    }

    /// Answers of the scripts in place of a version: the etag is another one, the key exists.
    static let mismatch: StaticString = "MISMATCH"
    static let exists: StaticString = "EXISTS"

    var source: StaticString {
        switch self {
        // KEYS: the key. ARGV: guard, etag, time to live in ms (0 = for ever), value. The new version.
        case .set:
            """
            local v = redis.pcall('HGET', KEYS[1], 'version')
            if type(v) == 'table' then
              if ARGV[1] == 'u' then redis.call('DEL', KEYS[1]) end
              v = ''
            end
            if ARGV[1] == 'm' and v ~= ARGV[2] then return redis.status_reply('MISMATCH') end
            if ARGV[1] == 'f' and v then return redis.status_reply('EXISTS') end
            redis.call('HSET', KEYS[1], 'data', ARGV[4])
            if ARGV[1] == 'f' then redis.call('HSET', KEYS[1], 'first-write', 0) end
            local n = redis.call('HINCRBY', KEYS[1], 'version', 1)
            if ARGV[3] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) else redis.call('PERSIST', KEYS[1]) end
            return n
            """
        // KEYS: the key. ARGV: etag.
        case .remove:
            """
            if redis.pcall('HGET', KEYS[1], 'version') ~= ARGV[1] then return redis.status_reply('MISMATCH') end
            redis.call('DEL', KEYS[1])
            return 1
            """
        // KEYS: one an operation. ARGV: five an operation: s (set) or r (remove), guard, etag, time to live, value.
        // First everything is checked, against what the operations before would leave; then it is done.
        // {} when done, {position, word} when one does not pass.
        case .transact:
            """
            local seen = {}
            for i = 1, #KEYS do
              local k, a = KEYS[i], i * 5 - 4
              local v = seen[k]
              if v == nil then
                v = redis.pcall('HGET', k, 'version')
                if type(v) == 'table' then v = '' end
              end
              if ARGV[a + 1] == 'm' and v ~= ARGV[a + 2] then return {i, 'MISMATCH'} end
              if ARGV[a + 1] == 'f' and v then return {i, 'EXISTS'} end
              if ARGV[a] == 's' then seen[k] = tostring((tonumber(v or 0) or 0) + 1) else seen[k] = false end
            end
            for i = 1, #KEYS do
              local k, a = KEYS[i], i * 5 - 4
              if ARGV[a] == 'r' then
                redis.call('DEL', k)
              else
                if type(redis.pcall('HGET', k, 'version')) == 'table' then redis.call('DEL', k) end
                redis.call('HSET', k, 'data', ARGV[a + 4])
                if ARGV[a + 1] == 'f' then redis.call('HSET', k, 'first-write', 0) end
                redis.call('HINCRBY', k, 'version', 1)
                if ARGV[a + 3] ~= '0' then redis.call('PEXPIRE', k, ARGV[a + 3]) else redis.call('PERSIST', k) end
              end
            end
            return {}
            """
        // KEYS: the lock. ARGV: its owner. 1 when done, 0 when nobody has it, -1 when somebody else does.
        case .unlock:
            """
            local v = redis.call('GET', KEYS[1])
            if not v then return 0 end
            if v ~= ARGV[1] then return -1 end
            return redis.call('DEL', KEYS[1])
            """
        // The same, and the time to live in ms from now on.
        case .extend:
            """
            local v = redis.call('GET', KEYS[1])
            if not v then return 0 end
            if v ~= ARGV[1] then return -1 end
            return redis.call('PEXPIRE', KEYS[1], ARGV[2])
            """
        }
    }
}
