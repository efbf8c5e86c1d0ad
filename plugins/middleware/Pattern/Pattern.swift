import PluginKit

/// A regular expression, which is looked for in time that grows with the text alone, whatever it says: all its ways are followed at once,
/// byte by byte. Constant once it is made.
final class Pattern {
    private enum Step {
        case bytes(Int)
        case split(Int, Int)
        case jump(Int)
        case begin, end, boundary, noBoundary
        case found
    }

    private var steps: [Step] = []
    private var sets: [ByteSet] = []

    private static let mostSteps = 10_000

    /// Throws the rest of a sentence: "the pattern …".
    init(_ text: [UInt8]) throws(PluginError) {
        let node = try PatternParser.parse(text)
        try append(node)
        steps.append(.found)
    }

    private func append(_ node: PatternNode) throws(PluginError) {
        guard steps.count < Self.mostSteps else { throw .invalid("the pattern is too long once its repetitions are written out") }
        switch node {
        case .empty: break
        case .bytes(let set):
            sets.append(set)
            steps.append(.bytes(sets.count - 1))
        case .begin: steps.append(.begin)
        case .end: steps.append(.end)
        case .boundary: steps.append(.boundary)
        case .noBoundary: steps.append(.noBoundary)
        case .sequence(let nodes): for one in nodes { try append(one) }
        case .either(let nodes):
            var exits: [Int] = []
            for (index, one) in nodes.enumerated() {
                guard index + 1 < nodes.count else {
                    try append(one)
                    break
                }
                let fork = steps.count
                steps.append(.split(fork + 1, 0))
                try append(one)
                exits.append(steps.count)
                steps.append(.jump(0))
                steps[fork] = .split(fork + 1, steps.count)
            }
            for exit in exits { steps[exit] = .jump(steps.count) }
        case .repeated(let one, let least, let most):
            for _ in 0..<least { try append(one) }
            if let most {
                var forks: [Int] = []
                for _ in least..<max(most, least) {
                    forks.append(steps.count)
                    steps.append(.split(steps.count + 1, 0))
                    try append(one)
                }
                for fork in forks { steps[fork] = .split(fork + 1, steps.count) }
            } else {
                let fork = steps.count
                steps.append(.split(fork + 1, 0))
                try append(one)
                steps.append(.jump(fork))
                steps[fork] = .split(fork + 1, steps.count)
            }
        }
    }

    /// Whether it is anywhere in the text.
    func isFound(in text: UnsafeRawBufferPointer) -> Bool {
        var now: [Int] = [], then: [Int] = []
        // When a step was last put into a list.
        var seen = [Int](repeating: -1, count: steps.count)
        var stack: [Int] = []
        var place = 0
        while true {
            // It may begin at each place.
            if follow(0, into: &now, &seen, &stack, text, place) { return true }
            guard place < text.count else { return false }
            let byte = text[place]
            place += 1
            then.removeAll(keepingCapacity: true)
            for step in now {
                if case .bytes(let set) = steps[step], sets[set].contains(byte), follow(step + 1, into: &then, &seen, &stack, text, place) {
                    return true
                }
            }
            swap(&now, &then)
        }
    }

    /// Adds the steps that take a byte and are reached from `start` without one; whether the end is.
    private func follow(
        _ start: Int, into list: inout [Int], _ seen: inout [Int], _ stack: inout [Int], _ text: UnsafeRawBufferPointer, _ place: Int
    ) -> Bool {
        stack.append(start)
        while let step = stack.popLast() {
            if seen[step] == place { continue }
            seen[step] = place
            switch steps[step] {
            case .found:
                stack.removeAll(keepingCapacity: true)
                return true
            case .bytes: list.append(step)
            case .jump(let next): stack.append(next)
            case .split(let one, let other):
                stack.append(other)
                stack.append(one)
            case .begin: if place == 0 { stack.append(step + 1) }
            case .end: if place == text.count { stack.append(step + 1) }
            case .boundary: if isBoundary(text, place) { stack.append(step + 1) }
            case .noBoundary: if !isBoundary(text, place) { stack.append(step + 1) }
            }
        }
        return false
    }

    private func isBoundary(_ text: UnsafeRawBufferPointer, _ place: Int) -> Bool {
        let word = PatternParser.word
        let before = place > 0 && word.contains(text[place - 1])
        let after = place < text.count && word.contains(text[place])
        return before != after
    }
}
