import Testing

@testable import Components

@Suite("The supervision of a source")
struct SourceSupervisionTests {
    typealias Event = SourceSupervision.Event

    private func run(_ events: [Event]) -> (actions: [SourceSupervision.Action], phase: SourceSupervision.Phase) {
        var it = SourceSupervision()
        return (events.flatMap { it.handle($0) }, it.phase)
    }

    @Test("opens with the component, and ends when nobody wants it")
    func plain() {
        #expect(run([.target, .opened, .end, .closed]) == ([.open, .close, .discard, .finished], .ended))
        #expect(run([.end]) == ([.finished], .ended))
        #expect(run([.target, .end, .opened, .closed]) == ([.open, .close, .discard, .finished], .ended))
        #expect(run([.target, .end, .openFailed]) == ([.open, .discard, .finished], .ended))
    }

    @Test("tries for ever, at longer and longer intervals of at most half a minute")
    func backoff() {
        var it = SourceSupervision()
        #expect(it.handle(.target) == [.open])
        var pauses: [Duration] = []
        for _ in 0..<40 {
            guard case .retry(let pause)? = it.handle(.openFailed).last else { return #expect(Bool(false), "no retry") }
            pauses.append(pause)
            #expect(it.handle(.retryDue) == [.open])
        }
        #expect(pauses.prefix(4) == [.milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
        #expect(pauses.last == .seconds(30))
        // What was good for a while is opened at once, once.
        #expect(it.handle(.opened) == [] && it.handle(.stable) == [])
        #expect(it.handle(.failed) == [.discard, .open])
        #expect(it.handle(.opened) == [])
        #expect(it.handle(.failed) == [.discard, .retry(after: .milliseconds(200))])
        // Whose process dies is opened at once, however often.
        #expect(it.handle(.retryDue) == [.open])
        for _ in 0..<5 { #expect(it.handle(.opened) == [] && it.handle(.lost) == [.discard, .open]) }
    }

    @Test("moves to another instance once what came from the first is settled")
    func moves() {
        let move: [Event] = [.target, .opened, .suspend, .target]
        #expect(run(move) == ([.open, .leave], .leaving))
        #expect(run(move + [.settledAll, .closed, .opened]) == ([.open, .leave, .close, .discard, .open], .open))
        #expect(run(move + [.leaveTimeout]).phase == .closing)
        #expect(run(move + [.failed]) == ([.open, .leave, .discard, .open], .opening))
        #expect(run([.target, .opened, .suspend, .settledAll, .closed]) == ([.open, .leave, .close, .discard], .idle))
        #expect(run([.target, .suspend, .opened, .settledAll, .closed, .target]) == ([.open, .leave, .close, .discard, .open], .opening))
    }

    @Test("never has two openings at a time, whatever happens", arguments: 0..<50)
    func anything(seed: UInt64) {
        var generator = Generator(state: seed)
        let events: [Event] = [
            .target, .suspend, .opened, .openFailed, .stable, .failed, .lost, .retryDue, .settledAll, .leaveTimeout, .closed,
        ]
        var it = SourceSupervision()
        var isOpen = false
        var happened: [Event] = []
        for step in 0..<500 {
            let event = step == 499 ? Event.end : events.randomElement(using: &generator)!
            happened.append(event)
            for action in it.handle(event) {
                switch action {
                case .open:
                    #expect(!isOpen, "seed \(seed): \(happened)")
                    isOpen = true
                case .discard: isOpen = false
                case .close, .leave: #expect(isOpen, "seed \(seed): \(happened)")
                case .finished: #expect(!isOpen, "seed \(seed): \(happened)")
                case .retry: break
                }
            }
        }
        for event in [Event.openFailed, .settledAll, .closed] where it.phase != .ended { _ = it.handle(event) }
        #expect(it.phase == .ended)
    }

    /// Numbers that a seed decides.
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6364136223846793005 &+ 1442695040888963407
            return state ^ state >> 29
        }
    }
}
