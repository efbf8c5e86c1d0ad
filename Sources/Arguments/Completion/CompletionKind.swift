/// What the shell offers for a value.
package enum CompletionKind: Sendable {
    /// The type's values, if it lists them.
    case none
    /// Files; those with one of the extensions, if any is given and the shell can tell.
    case file(extensions: [String] = [])
    /// What the function returns for the words of the command line, the index of the one to complete, and its start.
    case custom(@Sendable ([String], Int, String) -> [String])
}
