import COctavo

/// What every lock store must do, wherever its locks are.
package enum LockCases {
    package static let all: [ConformanceCase] = [exclusive, release, expiry, contenders, extend, fencing, oddNames]

    private static let (ok, held) = (Int32(OCTAVO_LOCK_OK), Int32(OCTAVO_LOCK_HELD))
    private static let (notFound, otherOwner) = (Int32(OCTAVO_LOCK_NOT_FOUND), Int32(OCTAVO_LOCK_OTHER_OWNER))

    private static func expect(_ came: Int32, _ wanted: Int32, _ what: String) throws {
        func word(_ result: Int32) -> String {
            switch result {
            case ok: "OK"
            case held: "HELD"
            case notFound: "NOT_FOUND"
            case otherOwner: "OTHER_OWNER"
            default: "\(result), which is no result"
            }
        }
        try require(came == wanted, "\(what) answered \(word(came)), not \(word(wanted)).")
    }

    static let exclusive = ConformanceCase("a lock that is held is nobody else's", section: "lock.h: try_lock") { instance, scope in
        let locks = LockCalls(instance)
        try expect(try locks.tryLock(scope + "a", "one").result, ok, "try_lock of a free resource")
        try expect(try locks.tryLock(scope + "a", "two").result, held, "try_lock of a resource that another owner has")
        try expect(try locks.tryLock(scope + "a", "one").result, held, "A second try_lock by the owner that has it")
        try expect(try locks.tryLock(scope + "b", "two").result, ok, "try_lock of another resource")
    }

    static let release = ConformanceCase("only its owner unlocks it", section: "lock.h: unlock") { instance, scope in
        let locks = LockCalls(instance)
        try expect(try locks.unlock(scope + "a", "one"), notFound, "unlock of a resource that nobody has")
        try expect(try locks.tryLock(scope + "a", "one").result, ok, "try_lock of a free resource")
        try expect(try locks.unlock(scope + "a", "two"), otherOwner, "unlock by another owner")
        try expect(try locks.tryLock(scope + "a", "two").result, held, "try_lock after a refused unlock")
        try expect(try locks.unlock(scope + "a", "one"), ok, "unlock by the owner")
        try expect(try locks.unlock(scope + "a", "one"), notFound, "A second unlock")
        try expect(try locks.tryLock(scope + "a", "two").result, ok, "try_lock after unlock")
    }

    static let expiry = ConformanceCase("a lock that has expired is free", section: "lock.h: expiry_ns") { instance, scope in
        let locks = LockCalls(instance)
        try expect(try locks.tryLock(scope + "a", "one", expiry: 400_000_000).result, ok, "try_lock for 400 ms")
        try expect(try locks.tryLock(scope + "a", "two").result, held, "try_lock before the end of 400 ms")
        try require(
            try within(seconds: 5) { try locks.tryLock(scope + "a", "two").result == ok },
            "A lock for 400 ms was still held after 5 s.")
        try expect(try locks.unlock(scope + "a", "one"), otherOwner, "unlock by the owner whose lock has expired and is another's")
        for expiry in [0, -1] as [Int64] {
            let came = try ending { _ = try locks.tryLock(scope + "c", "one", expiry: expiry) }
            try require(came == "INVALID_ARGUMENT", "try_lock with an expiry of \(expiry) ended with \(came), not INVALID_ARGUMENT.")
        }
    }

    static let contenders = ConformanceCase(
        "of many that want it one has it at a time", section: "lock.h: try_lock; INLINE and BLOCKING overlap"
    ) { instance, scope in
        let locks = LockCalls(instance)
        let inside = Counter()
        let rounds = Counter()
        try inThreads(16) { number in
            for _ in 0..<30 {
                guard try locks.tryLock(scope + "k", "\(number)").result == ok else { continue }
                inside.add()
                try require(inside.value == 1, "\(inside.value) callers had one lock at the same time.")
                inside.add(-1)
                rounds.add()
                try expect(try locks.unlock(scope + "k", "\(number)"), ok, "unlock by the owner")
            }
        }
        try require(rounds.value > 0, "Of 16 callers that tried 30 times nobody got the lock.")
    }

    static let extend = ConformanceCase(
        "a lock that is extended stays", needs: UInt64(OCTAVO_LOCK_EXTEND), section: "lock.h: extend"
    ) { instance, scope in
        let locks = LockCalls(instance)
        try expect(try locks.extend(scope + "a", "one").result, notFound, "extend of a resource that nobody has")
        try expect(try locks.tryLock(scope + "a", "one", expiry: 2_000_000_000).result, ok, "try_lock for 2 s")
        try expect(try locks.extend(scope + "a", "two").result, otherOwner, "extend by another owner")
        try expect(try locks.extend(scope + "a", "one").result, ok, "extend by the owner")
        try expect(try locks.tryLock(scope + "b", "one", expiry: 2_000_000_000).result, ok, "try_lock of another resource for 2 s")
        try require(
            try within(seconds: 8) { try locks.tryLock(scope + "b", "two").result == ok }, "A lock for 2 s was still held after 8 s.")
        try expect(try locks.tryLock(scope + "a", "two").result, held, "try_lock after the first expiry of a lock that was extended")
        try expect(try locks.extend(scope + "a", "one", expiry: 1_000_000).result, ok, "extend by the owner, for a millisecond")
        try require(
            try within(seconds: 5) { try locks.tryLock(scope + "a", "two").result == ok },
            "A lock that was extended to end after a millisecond was still held after 5 s.")
    }

    static let fencing = ConformanceCase(
        "each owner has a greater fencing token", needs: UInt64(OCTAVO_LOCK_FENCING), section: "lock.h: fencing"
    ) { instance, scope in
        let locks = LockCalls(instance)
        var last: UInt64 = 0
        for round in 0..<5 {
            let answer = try locks.tryLock(scope + "a", "owner \(round)")
            try expect(answer.result, ok, "try_lock of a free resource")
            try require(answer.fencing > last, "After the fencing token \(last) came \(answer.fencing).")
            last = answer.fencing
            if instance.features & UInt64(OCTAVO_LOCK_EXTEND) != 0 {
                let extended = try locks.extend(scope + "a", "owner \(round)").fencing
                try require(extended == last || extended == 0, "extend gave the token \(extended) to the owner with \(last).")
            }
            try expect(try locks.unlock(scope + "a", "owner \(round)"), ok, "unlock by the owner")
        }
    }

    static let oddNames = ConformanceCase(
        "odd resources and owners are told apart, or are refused with INVALID_ARGUMENT", section: "lock.h: resource, owner"
    ) { instance, scope in
        let locks = LockCalls(instance)
        var taken: [String] = []
        for name in ["a", "A", "a b", "ünï", "new\nline", "quote'\"", "nul\0a", "nul\0b", "*", String(repeating: "k", count: 2000)] {
            do {
                try expect(try locks.tryLock(scope + name, name).result, ok, "try_lock of \(shown(Array(name.utf8)))")
                taken.append(name)
            } catch let failure as PluginFailure where failure.code == OCTAVO_CODE_INVALID_ARGUMENT {
                continue
            }
        }
        try require(taken.contains("a"), "Even the resource \"a\" was refused.")
        for name in taken {
            try expect(try locks.unlock(scope + name, name + "x"), otherOwner, "unlock of \(shown(Array(name.utf8))) by another owner")
            try expect(try locks.unlock(scope + name, name), ok, "unlock of \(shown(Array(name.utf8))) by its owner")
        }
    }
}
