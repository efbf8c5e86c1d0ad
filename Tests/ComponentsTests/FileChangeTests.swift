import Testing

@testable import Components

@Suite("What is seen of a plugin's files")
struct FileChangeTests {
    /// A sight, its file and its time in milliseconds.
    typealias Step = (PluginFileChanges.Sight, String, Int64)

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [Step]
        /// When each plugin was said to have changed, in milliseconds.
        let settled: [Int64]

        init(_ name: String, _ steps: [Step], settled: [Int64]) {
            testDescription = name
            self.steps = steps
            self.settled = settled
        }
    }

    @Test("is a change when nobody writes any more and it has been quiet", arguments: [
        Case("a burst of partial writes", (0..<50).map { (.changing, "a.so", $0 * 10) } + [(.whole, "a.so", 500)], settled: [700]),
        Case("slow chunks, the writer keeps it open", [(.changing, "a.so", 0), (.changing, "a.so", 900), (.whole, "a.so", 1800)], settled: [2000]),
        Case("never closed", [(.changing, "a.so", 0), (.changing, "a.so", 10)], settled: []),
        Case("renamed over", [(.whole, "a.so", 0)], settled: [200]),
        Case("truncated in place and rewritten", [(.changing, "a.so", 0), (.changing, "a.so", 1), (.whole, "a.so", 5)], settled: [205]),
        Case("closed, and opened again before it was quiet", [(.whole, "a.so", 0), (.changing, "a.so", 100), (.whole, "a.so", 900)], settled: [1100]),
        Case("removed and made anew", [(.gone, "a.so", 0), (.changing, "a.so", 50), (.whole, "a.so", 90)], settled: [290]),
        Case("removed while somebody writes", [(.changing, "a.so", 0), (.gone, "a.so", 50)], settled: [250]),
        Case("two changes with a pause", [(.whole, "a.so", 0), (.whole, "a.so", 500)], settled: [200, 700]),
        Case("a library beside it is still written", [(.whole, "a.so", 0), (.changing, "liba.so.1", 10), (.whole, "liba.so.1", 600)], settled: [800]),
    ])
    func settling(_ one: Case) {
        var changes = PluginFileChanges(quiet: 200)
        var settled: [Int64] = []
        var steps = one.steps[...]
        for now in Int64(0)...3000 {
            while let step = steps.first, step.2 == now {
                changes.saw(step.0, step.1, of: "a.so", at: now)
                steps.removeFirst()
            }
            let isDue = changes.nextDue.map { $0 <= now } ?? false
            let found = changes.settled(at: now)
            #expect(found.isEmpty != isDue)
            settled += found.map { _ in now }
        }
        #expect(settled == one.settled)
    }

    @Test("is one change for each plugin, in the order of their paths")
    func many() {
        var changes = PluginFileChanges(quiet: 200)
        for plugin in ["c", "a", "b"] { changes.saw(.whole, plugin, of: plugin, at: 0) }
        changes.saw(.changing, "b", of: "b", at: 1)
        #expect(changes.nextDue == 200)
        #expect(changes.settled(at: 199) == [])
        #expect(changes.settled(at: 200) == ["a", "c"])
        #expect(changes.nextDue == nil)
        changes.forgetWriters(of: "b")
        #expect(changes.settled(at: 201) == ["b"])
    }
}
