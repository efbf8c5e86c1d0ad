/// Why a text is not a YAML document that can be used: the place, the cause and what to do about it.
package struct YAMLError: Error, Sendable, Equatable {
    package let mark: SourceMark
    package let message: String

    package init(_ mark: SourceMark, _ message: String) {
        self.mark = mark
        self.message = message
    }
}
