import Arguments

/// A size as a flag: bytes with an optional unit, `k`, `M`, `G` for powers of 1,000 and `Ki`, `Mi`, `Gi` for
/// powers of 1,024 (a Kubernetes quantity, as Dapr takes it): `4Mi`, `512Ki`, `1.5M`, `4096`.
struct ByteSize: ExpressibleByArgument, Equatable {
    let bytes: Int

    init?(argument: String) {
        let units: [(String, Int)] = [
            ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("k", 1_000), ("K", 1_000), ("M", 1_000_000),
            ("G", 1_000_000_000), ("", 1),
        ]
        for (suffix, unit) in units where argument.hasSuffix(suffix) {
            let digits = argument.dropLast(suffix.count)
            // Digits and one point: no sign, exponent, infinity.
            guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }), let number = Double(digits),
                number * Double(unit) <= Double(1 << 40)
            else { return nil }
            bytes = Int((number * Double(unit)).rounded(.up))
            return
        }
        return nil
    }
}
