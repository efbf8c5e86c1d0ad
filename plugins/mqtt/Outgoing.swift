import PluginKit

/// A message on its way to the server. What it points at belongs to its call, and stays readable until that has ended.
final class Outgoing {
    private let call: Call
    private let done: (Call) -> Void
    let topic: Str
    let data: UnsafeRawBufferPointer
    let retains: Bool

    init(_ call: Call, _ topic: Str, _ data: UnsafeRawBufferPointer, retains: Bool, _ done: @escaping (Call) -> Void) {
        self.call = call
        self.topic = topic
        self.data = data
        self.retains = retains
        self.done = done
    }

    func published() { done(call) }
    func fail(_ error: PluginError) { call.fail(error) }
}

/// Pauses between attempts to connect: longer each time up to a limit, ± 20 % so that many do not come at the same moment.
struct Backoff {
    private let longest: Int64
    private var next: Int64 = 50_000_000

    init(longest: Int64) { self.longest = longest }

    mutating func pause(atMost limit: Int64 = .max) -> Int64 {
        let wait = min(next, longest, limit)
        next = min(next * 2, longest)
        return wait * 4 / 5 + Int64(Host.random() % UInt64(max(wait * 2 / 5, 1)))
    }

    mutating func reset() { next = 50_000_000 }
}
