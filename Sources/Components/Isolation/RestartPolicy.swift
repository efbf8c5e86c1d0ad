/// When a plugin's process is started again after it has died.
struct RestartPolicy: Sendable {
    /// Seconds of the monotonic clock at which it died, the last ten minutes'.
    private var deaths: [Double] = []

    /// So many deaths within a minute are a crash loop; 0: there is none, and it is always started at once.
    let loopLimit: Int

    init(loopLimit: Int = 5) { self.loopLimit = loopLimit }

    /// Deaths within this time make the next pause longer.
    private static let memory = 600.0

    /// Notes a death; how long to wait before the next try.
    mutating func died(at now: Double, jitter: Double = .random(in: 0.8...1.2)) -> Duration {
        deaths.removeAll { now - $0 > RestartPolicy.memory }
        deaths.append(now)
        if loopLimit == 0 { return .zero }
        if isLooping(at: now) { return .seconds(30) }
        guard deaths.count > 1 else { return .zero }
        let seconds = min(30, 0.1 * Double(1 << min(deaths.count - 2, 10)))
        return .milliseconds(Int64(seconds * jitter * 1000))
    }

    func isLooping(at now: Double) -> Bool { loopLimit > 0 && deaths.count { now - $0 <= 60 } >= loopLimit }

    /// The operator has asked for a new start: what was is forgotten.
    mutating func forget() { deaths = [] }

    var count: Int { deaths.count }
}
