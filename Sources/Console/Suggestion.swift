/// What someone may have meant who wrote a word that is not known.
package enum Suggestion {
    /// The known word with the fewest changes to `word`, if they are few enough to be a slip.
    package static func nearest(to word: String, in known: some Sequence<String>) -> String? {
        let typed = Array(word.lowercased())
        var best: (word: String, distance: Int)?
        for candidate in known {
            let target = Array(candidate.lowercased())
            var distance = editDistance(typed, target)
            // A start of three letters or more is as good as a single slip.
            if typed.count >= 3, target.starts(with: typed) { distance = min(distance, 1) }
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        guard let best, best.distance <= max(1, typed.count / 3) else { return nil }
        return best.word
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other
    /// (optimal string alignment). Time and space are the product of the lengths: for words.
    static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
        // A flag of a kilobyte is no slip of a known one.
        guard a.count <= 64, b.count <= 64 else { return .max }
        var before = [Int](repeating: 0, count: b.count + 1)
        var previous = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var cost = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            before = previous
            previous = row
        }
        return previous[b.count]
    }
}
