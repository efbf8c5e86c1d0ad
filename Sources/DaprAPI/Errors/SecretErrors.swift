import BuildingBlocks
import COctavo
import Components
import Transport

extension APIError {
    init(_ failure: SecretFailure) {
        switch failure {
        case .notConfigured:
            self.init(
                .failedPrecondition, "secret store is not configured", status: 500,
                errorCode: "ERR_SECRET_STORES_NOT_CONFIGURED")
        case .notFound(let store):
            self.init(
                .invalidArgument, "failed finding secret store with key \(store)", status: 401,
                errorCode: "ERR_SECRET_STORE_NOT_FOUND")
        case .component(let store, let name, let error):
            let (code, status) = APIError.fate(error)
            let what = name.isEmpty ? "secrets" : "secret with key \(name)"
            self.init(
                code, "failed getting \(what) from secret store \(store): \(error.message)", status: status,
                errorCode: "ERR_SECRET_GET")
        }
    }

    static func secretDenied(store: String, name: String) -> APIError {
        APIError(
            .permissionDenied, "access denied by policy to get \"\(name)\" from \"\(store)\"", status: 403,
            errorCode: "ERR_PERMISSION_DENIED")
    }
}
