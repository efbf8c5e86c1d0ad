extension Duration {
    /// Whole nanoseconds, at most a century.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        if seconds > 3_200_000_000 { return 3_200_000_000_000_000_000 }
        if seconds < -3_200_000_000 { return -3_200_000_000_000_000_000 }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
