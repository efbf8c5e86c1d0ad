/// What someone may have meant who wrote a name that is not known.
package enum Spelling {
    /// The known name with the fewest changes to `name`; nil when none is near enough to be a slip.
    package static func nearest(_ name: String, in known: some Sequence<String>) -> String? {
        // Long texts are no slips of a known name, and the product of lengths is what this costs.
        guard name.utf8.count <= 64 else { return nil }
        let typed = Array(name.lowercased())
        let limit = max(1, typed.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in known {
            let distance = distance(typed, Array(candidate.lowercased()))
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// `; did you mean X?`, or nothing.
    package static func hint(_ name: String, in known: some Sequence<String>) -> String {
        nearest(name, in: known).map { "; did you mean \($0)?" } ?? ""
    }

    /// Insertions, deletions, replacements and swaps of neighbours between two words.
    private static func distance(_ one: [Character], _ other: [Character]) -> Int {
        var before: [Int] = []
        var previous = Array(0...other.count)
        for i in one.indices {
            var row = [i + 1]
            for j in other.indices {
                var cost = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (one[i] == other[j] ? 0 : 1))
                if i > 0, j > 0, one[i] == other[j - 1], one[i - 1] == other[j] { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            before = previous
            previous = row
        }
        return previous[other.count]
    }
}
