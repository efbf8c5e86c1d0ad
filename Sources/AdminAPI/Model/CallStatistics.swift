/// Calls of a plugin or component since its generation started.
package struct CallStatistics: Sendable, Equatable, Codable {
    package var calls: Int64
    package var errors: Int64
    /// Calls under way.
    package var open: Int64
    /// Half of the calls took at most this long; nil before the first call.
    package var p50Nanoseconds: Int64?
    /// 99 of 100 calls took at most this long; nil before the first call.
    package var p99Nanoseconds: Int64?

    package init(
        calls: Int64 = 0, errors: Int64 = 0, open: Int64 = 0, p50Nanoseconds: Int64? = nil,
        p99Nanoseconds: Int64? = nil
    ) {
        self.calls = calls
        self.errors = errors
        self.open = open
        self.p50Nanoseconds = p50Nanoseconds
        self.p99Nanoseconds = p99Nanoseconds
    }
}
