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

    var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    mutating func error(_ mark: SourceMark, _ message: String) { add(.error, mark, message) }

    mutating func warning(_ mark: SourceMark, _ message: String) { add(.warning, mark, message) }

    mutating func note(_ mark: SourceMark, _ message: String) { add(.note, mark, message) }

    private mutating func add(_ severity: Diagnostic.Severity, _ mark: SourceMark, _ message: String) {
        diagnostics.append(Diagnostic(severity, location(mark), resource: resource, message))
    }

    func location(_ mark: SourceMark) -> SourceLocation { SourceLocation(file: file, mark: mark) }
}
