import PluginKit

/// `middleware.http.ratelimit`: a bucket for each remote address, which fills at the rate. On event loops, several at once.
final class RateLimit: Filter {
    private struct Bucket {
        var tokens: Double
        /// CLOCK_MONOTONIC.
        var at: Int64
    }

    private let rate: Double
    private let size: Double
    private let lock = Lock()
    // Behind `lock`. Those that were asked for lately, and those before them: a bucket that nobody asks for is full again long before
    // it is forgotten, but for a flood of addresses.
    private var young: [[UInt8]: Bucket] = [:]
    private var old: [[UInt8]: Bucket] = [:]
    private var turned: Int64 = 0

    /// Buckets of each age.
    private static let limit = 1 << 15
    private static let age: Int64 = 60_000_000_000

    static var fields: [Field] {
        [.number("maxRequestsPerSecond", default: "100", from: 0.001, to: 1_000_000, example: "100", "Requests of one remote address in a second.")]
    }

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        guard let rate = config.number("maxRequestsPerSecond"), rate > 0 else {
            throw .invalid("maxRequestsPerSecond is missing: give a number above 0, such as 100.")
        }
        self.rate = rate
        size = max(1, rate.rounded(.down))
        super.init(instance, Features(0))
    }

    override func onRequest(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) {
        let who = message.remoteAddress.array, now = Host.now()
        if lock.with({ take(who, now) }) { return reply.pass() }
        let wait = max(1, Int64((1 / rate).rounded(.up)))
        var digits: [UInt8] = []
        Decimal.append(wait, to: &digits)
        reply.answer(
            429, text: "You have reached maximum request limit.", [(Str("retry-after").array, digits)])
    }

    private func take(_ who: [UInt8], _ now: Int64) -> Bool {
        if young.count >= RateLimit.limit || now - turned > RateLimit.age {
            old = young
            young = [:]
            turned = now
        }
        var bucket = young[who] ?? old[who] ?? Bucket(tokens: size, at: now)
        bucket.tokens = min(size, bucket.tokens + Double(max(now - bucket.at, 0)) / 1e9 * rate)
        bucket.at = now
        let isGranted = bucket.tokens >= 1
        if isGranted { bucket.tokens -= 1 }
        young[who] = bucket
        return isGranted
    }
}
