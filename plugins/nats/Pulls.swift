import PluginKit

/// How many messages the server was asked for and has not sent yet.
struct Pulls {
    /// How long the server keeps a request. Nanoseconds.
    static let expiry: Int64 = 30_000_000_000
    /// Messages that one request asks for.
    private static let batch = 256, slowBatch = 8

    private var open: [(number: Int64, left: Int)] = []
    private var number: Int64 = 0
    private var lastHeard: Int64 = 0
    private var notBefore: Int64 = 0

    private var outstanding: Int {
        var sum = 0
        for one in open { sum += one.left }
        return sum
    }

    /// How many to ask for now that there is room for so many. A few at a time would cost a request for each message.
    func wanted(_ room: Int, _ now: Int64, isLimited: Bool) -> Int {
        let asked = outstanding
        let more = min(room - asked, isLimited ? Pulls.slowBatch - asked : Pulls.batch)
        return now >= notBefore && more > 0 && more >= asked / 2 ? more : 0
    }

    /// The number of a new request.
    mutating func begin(_ count: Int, _ now: Int64) -> Int64 {
        number += 1
        if open.isEmpty { lastHeard = now }
        open.append((number, count))
        return number
    }

    /// A message has come; the server serves the oldest request first. `limit`: bits in a second, 0 for none.
    mutating func came(_ size: Int, _ now: Int64, _ limit: Int64) {
        lastHeard = now
        if limit > 0 { notBefore = max(notBefore, now) + Int64(Double(size) * 8e9 / Double(limit)) }
        guard !open.isEmpty else { return }
        open[0].left -= 1
        if open[0].left <= 0 { open.removeFirst() }
    }

    mutating func heard(_ now: Int64) { lastHeard = now }

    /// The server has ended the request whose number is the last word of `subject`.
    mutating func ended(_ subject: UnsafePointer<CChar>?, after pause: Int64, _ now: Int64) {
        guard let subject else { return }
        let text = UnsafeRawBufferPointer(start: subject, count: strlen(subject))
        guard let dot = text.lastIndex(of: 0x2E), let number = Str(UnsafeRawBufferPointer(rebasing: text[(dot + 1)...])).decimal else { return }
        open.removeAll { $0.number == Int64(clamping: number) }
        if pause > 0 { notBefore = max(notBefore, now + pause) }
    }

    /// None of them will be answered.
    mutating func forget() { open = [] }

    /// The server would have given a sign of life.
    func areLost(_ now: Int64, _ heartbeat: Int64) -> Bool { !open.isEmpty && now - lastHeard > 3 * heartbeat }
}
