import AdminAPI
import Arguments

/// Names that an app can have.
enum AppID {
    /// The app id of a runtime that was given none.
    static let standard = AdminSocket.standardAppID

    /// `text`, if it can name an app: it becomes part of file names and, before `||`, of state keys.
    static func checked(_ text: String) throws -> String {
        let isUsable =
            !text.isEmpty && text.utf8.count <= 64 && text.first != "."
            && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && $0 != "/" && $0 != "|" }
        guard isUsable else {
            throw ValidationError(
                "--app-id '\(text)' can't name an app: use 1 to 64 bytes without blanks, slashes and bars, not "
                    + "starting with a dot.")
        }
        return text
    }
}
