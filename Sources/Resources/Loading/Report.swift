/// Gathers what there is to say about one document while it is read.
struct Report {
    let file: String
    /// `Component "orders"` once its kind and name are known.
    var resource: String?
    private(set) var diagnostics: [Diagnostic] = []

    init(file: String, resource: String? = nil) {
        self.file = file
        self.resource = resource
    }

    private(set) var hasErrors = false

    /// Nobody reads more about one document; what makes a thousand mistakes makes one kind of them.
    private static let limit = 100

    /// Whether anything further is dropped.
    var isFull: Bool { diagnostics.count > Report.limit }

    mutating func error(_ mark: SourceMark, _ message: String) { add(.error, mark, message) }

    mutating func warning(_ mark: SourceMark, _ message: String) { add(.warning, mark, message) }

    mutating func note(_ mark: SourceMark, _ message: String) { add(.note, mark, message) }

    private mutating func add(_ severity: Diagnostic.Severity, _ mark: SourceMark, _ message: String) {
        if severity == .error { hasErrors = true }
        if isFull { return }
        let isLast = diagnostics.count == Report.limit
        diagnostics.append(
            isLast
                ? Diagnostic(
                    hasErrors ? .error : .warning, location(mark), resource: resource,
                    "there is more to say about the document; mend what was said first")
                : Diagnostic(severity, location(mark), resource: resource, message))
    }

    func location(_ mark: SourceMark) -> SourceLocation { SourceLocation(file: file, mark: mark) }
}
