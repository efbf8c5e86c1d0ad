import COctavo

/// What every secret store must do, whatever its secrets are.
package enum SecretCases {
    package static let all: [ConformanceCase] = [unknown, same, bulkMatches, watch]

    static let unknown = ConformanceCase(
        "a secret that does not exist is an error", section: "secret_store.h: get"
    ) { instance, _ in
        let secrets = SecretCalls(instance)
        for name in ["octavo-check-no-such-secret", "no such\nsecret", "../../etc/passwd"] {
            let came = try ending { _ = try secrets.get(name) }
            try require(came != "done", "get of the secret \(shown(Array(name.utf8))), which does not exist, worked.")
        }
    }

    static let same = ConformanceCase(
        "a secret is the same each time, whoever asks", needs: UInt64(OCTAVO_SECRET_BULK), section: "secret_store.h: get"
    ) { instance, _ in
        let secrets = SecretCalls(instance)
        guard let (name, pairs) = try secrets.all().min(by: { $0.key < $1.key }) else { return }
        try inThreads(8) { _ in
            for _ in 0..<20 {
                // Never the values: they are secret.
                try require(try secrets.get(name) == pairs, "get of the secret \(name) gave different pairs to callers at the same time.")
            }
        }
    }

    static let bulkMatches = ConformanceCase(
        "bulk_get and get agree", needs: UInt64(OCTAVO_SECRET_BULK), section: "secret_store.h: bulk_get"
    ) { instance, _ in
        let secrets = SecretCalls(instance)
        for (name, pairs) in try secrets.all().sorted(by: { $0.key < $1.key }).prefix(50) {
            try require(try secrets.get(name) == pairs, "bulk_get and get give different pairs for the secret \(name).")
        }
    }

    static let watch = ConformanceCase(
        "a watch can be opened and ended, also of a secret that does not exist", needs: UInt64(OCTAVO_SECRET_ROTATION),
        section: "secret_store.h: watch, unwatch"
    ) { instance, _ in
        let secrets = SecretCalls(instance)
        var names = ["octavo-check-no-such-secret"]
        if instance.features & UInt64(OCTAVO_SECRET_BULK) != 0 { names += try secrets.all().keys.sorted().prefix(3) }
        for _ in 0..<10 {
            let ends = try [names, [names[0]]].map { try instance.watch(secrets: $0) }
            for name in names.dropFirst() { _ = try secrets.get(name) }
            for end in ends { end() }
        }
    }
}
