import PluginHTTP
import PluginKit

/// What an answer that is not 200 means.
enum Refusal {
    /// `what`: what was asked for, as the object of a sentence.
    static func error(_ response: HTTPResponse, at address: String, _ what: String) -> PluginError {
        let said = Answer.errors(response)
        let words = said.isEmpty ? "status \(response.status)" : String(decoding: said, as: UTF8.self)
        let place = "Vault at \(address)"
        switch response.status {
        case 300..<400:
            return PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "\(place) refers to another server, which is not given the token. Let vaultAddr name the active one, or standbys forward requests.")
        case 400: return .invalid("\(place) refuses the request for \(what): \(words).")
        case 401, 403:
            return PluginError(
                OCTAVO_CODE_PERMISSION_DENIED,
                "\(place) does not let the token read \(what): \(words). Check the token and its policies.")
        case 404: return PluginError(OCTAVO_CODE_NOT_FOUND, "\(place) has no \(what).", reason: "SECRET_NOT_FOUND")
        case 412:
            return PluginError(OCTAVO_CODE_UNAVAILABLE, "\(place) is not up to date yet: \(words).", flags: OCTAVO_ERROR_RETRYABLE)
        case 429:
            return PluginError(
                OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(place) is asked too often: \(words).",
                flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        case 472, 473: return .outage("\(place) is a secondary, which does not answer this. Let vaultAddr name the primary.")
        case 501: return .outage("\(place) is not initialized.")
        case 503: return .outage("\(place) can't be used: \(words).")
        case 500...: return .outage("\(place) fails: \(words).")
        default: return PluginError(OCTAVO_CODE_INTERNAL, "\(place) answered with status \(response.status): \(words).")
        }
    }
}
