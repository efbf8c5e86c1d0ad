import COctavo

/// Takes the state of one instance over to another by `octavo.handoff/1`. No operation is called on
/// either of them meanwhile.
struct Handoff: Sendable {
    private let old: ComponentInstance
    private let new: ComponentInstance
    private let source: UInt
    private let target: UInt

    /// Calls wait for the hand-over: longer is refused.
    static let limit = Duration.seconds(1)

    enum Refusal: Error { case cause(String) }

    /// Asks both instances for the extension. Blocks, if one of them runs isolated.
    private init(from old: ComponentInstance, to new: ComponentInstance) throws(Refusal) {
        guard let source = old.handoff, let target = new.handoff else {
            throw .cause("it holds its state in memory, and old or new build can't hand it over (octavo.handoff/1)")
        }
        guard source.pointee.format == target.pointee.format else {
            throw .cause(
                "the new build keeps its state in format \(target.pointee.format), the old one in "
                    + "\(source.pointee.format)")
        }
        self.old = old
        self.new = new
        self.source = UInt(bitPattern: source)
        self.target = UInt(bitPattern: target)
    }

    /// What the sink of the export is given.
    private final class Passage {
        let handoff: Handoff
        let deadline: Int64
        init(_ handoff: Handoff, deadline: Int64) {
            self.handoff = handoff
            self.deadline = deadline
        }

        func take(_ piece: octavo_bytes) -> Int32 {
            if monotonicNanoseconds() > deadline { return OCTAVO_TOO_LARGE }
            var answer = OCTAVO_OK
            let table = UnsafePointer<octavo_handoff>(bitPattern: handoff.target).unsafelyUnwrapped
            // The new instance has had no calls: its lane and its reactor are idle.
            handoff.new.control { answer = table.pointee.import_state(handoff.new.selfAddress, piece) }
            return answer
        }
    }

    /// Hands over. `nil`, or why that failed.
    static func run(from old: ComponentInstance, to new: ComponentInstance) async -> String? {
        let made = await old.lane.run("get_extension", within: limit * 2) { () -> Result<Handoff, Refusal> in
            Result { () throws(Refusal) in try Handoff(from: old, to: new) }
        }
        switch made {
        case .success(let handoff): return await handoff.run()
        case .failure(.cause(let cause)): return cause
        case nil: return "get_extension has not returned within \(limit * 2)"
        }
    }

    private func run() async -> String? {
        let deadline = monotonicNanoseconds() + Int64(Handoff.limit / .nanoseconds(1))
        let answer = await old.lane.run("handoff", within: Handoff.limit * 2) { () -> Int32 in
            let passage = Passage(self, deadline: deadline)
            let table = UnsafePointer<octavo_handoff>(bitPattern: source).unsafelyUnwrapped
            var answer = OCTAVO_OK
            withExtendedLifetime(passage) {
                old.control {
                    answer = table.pointee.export_state(
                        old.selfAddress,
                        { argument, piece in
                            Unmanaged<Passage>.fromOpaque(argument.unsafelyUnwrapped).takeUnretainedValue().take(piece)
                        }, Unmanaged.passUnretained(passage).toOpaque())
                }
            }
            return answer
        }
        switch answer {
        case OCTAVO_OK: return nil
        case OCTAVO_TOO_LARGE, nil: return "handing over its state took longer than \(Handoff.limit)"
        case .some(let answer): return "handing over its state failed (\(answer))"
        }
    }
}

extension ComponentInstance {
    fileprivate var handoff: UnsafePointer<octavo_handoff>? {
        guard let get = type.raw.pointee.life.pointee.get_extension else { return nil }
        var id = OCTAVO_EXTENSION_HANDOFF
        let table = id.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) {
                get(selfAddress, octavo_str(data: $0.baseAddress, size: UInt64($0.count)))
            }
        }
        guard let table = table?.assumingMemoryBound(to: octavo_handoff.self) else { return nil }
        return Int(table.pointee.size) >= MemoryLayout<octavo_handoff>.size ? table : nil
    }
}
