/// What is seen of plugins' files, kept until it means something: that a plugin may have changed is said when nobody
/// writes to one of its files any more and nothing has happened to them for a while, so that many writes, and the
/// files of one folder, are one change. Pure; times are those of the monotonic clock, nanoseconds.
struct PluginFileChanges {
    enum Sight: Sendable, Equatable {
        /// Somebody writes to it and has not closed it.
        case changing
        /// It was written and closed, or came whole under its name.
        case whole
        /// It was removed or renamed away.
        case gone
    }

    private struct Pending {
        /// Files that somebody may still be writing to.
        var open: Set<String> = []
        var due: Int64 = 0
    }

    private let quiet: Int64
    private var pending: [String: Pending] = [:]

    /// `quiet`: nanoseconds without a further sight.
    init(quiet: Int64) { self.quiet = quiet }

    /// `plugin`: the path of the shared object that the file belongs to, or is.
    mutating func saw(_ sight: Sight, _ file: String, of plugin: String, at now: Int64) {
        var one = pending[plugin] ?? Pending()
        if sight == .changing { one.open.insert(file) } else { one.open.remove(file) }
        one.due = now + quiet
        pending[plugin] = one
    }

    /// The plugin's files have gone, all at once, and with them whoever wrote to them.
    mutating func forgetWriters(of plugin: String) { pending[plugin]?.open = [] }

    /// Plugins that may have changed, each once, in the order of their paths.
    mutating func settled(at now: Int64) -> [String] {
        let paths = pending.filter { $0.value.open.isEmpty && $0.value.due <= now }.keys.sorted()
        for path in paths { pending[path] = nil }
        return paths
    }

    /// When to ask again; `nil` when only another sight can change anything.
    var nextDue: Int64? { pending.values.lazy.filter { $0.open.isEmpty }.map(\.due).min() }
}
