extension Dapr_Proto_Common_V1_HTTPExtension.Verb {
    /// Of a verb in capitals; `none` for those that it does not know.
    package init(word: String) {
        switch word {
        case "GET": self = .get
        case "HEAD": self = .head
        case "POST": self = .post
        case "PUT": self = .put
        case "DELETE": self = .delete
        case "CONNECT": self = .connect
        case "OPTIONS": self = .options
        case "TRACE": self = .trace
        case "PATCH": self = .patch
        default: self = .none
        }
    }

    /// In capitals; nil: it names none.
    package var word: String? {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .none, .UNRECOGNIZED: nil
        }
    }
}
