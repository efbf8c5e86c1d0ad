/// Which origins' pages may read what the API answers. Source: Dapr's `--allowed-origins`. A value.
package struct AllowedOrigins: Sendable, Equatable {
    /// In small letters; what is before and behind a `*`, when there is one.
    private var patterns: [(before: String, after: String?)] = []
    package private(set) var allowsAll = false

    /// `list`: origins such as `https://shop.example`, in which one `*` stands for any text; `*` alone is all of them. Empty: none, CORS is off.
    package init(_ list: [String] = []) {
        allowsAll = list.contains("*")
        for text in list where text != "*" {
            let parts = text.lowercased().split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
            patterns.append((parts[0], parts.count == 2 ? parts[1] : nil))
        }
    }

    package var isOff: Bool { !allowsAll && patterns.isEmpty }

    package func allows(_ origin: String) -> Bool {
        if allowsAll { return true }
        let origin = origin.lowercased()
        return patterns.contains { before, after in
            guard let after else { return origin == before }
            return origin.utf8.count >= before.utf8.count + after.utf8.count && origin.hasPrefix(before) && origin.hasSuffix(after)
        }
    }

    package static func == (one: Self, other: Self) -> Bool {
        one.allowsAll == other.allowsAll && one.patterns.elementsEqual(other.patterns) { $0 == $1 }
    }
}
