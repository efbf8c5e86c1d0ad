import BuildingBlocks
import Components
import Transport

extension APIError {
    init(_ failure: CryptoFailure) {
        switch failure {
        case .notConfigured:
            self.init(
                .internal, "crypto providers not configured", status: 500,
                errorCode: "ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED")
        case .notFound(let component):
            self.init(
                .invalidArgument, "crypto provider \(component) not found", status: 400,
                errorCode: "ERR_CRYPTO_PROVIDER_NOT_FOUND")
        case .request(let cause):
            self.init(.invalidArgument, "invalid request: \(cause)", status: 400, errorCode: "ERR_BAD_REQUEST")
        case .data(let cause):
            self.init(.internal, "failed to perform operation: \(cause)", status: 500, errorCode: "ERR_CRYPTO")
        case .component(_, let error):
            let (code, status) = APIError.fate(error)
            self.init(code, "failed to perform operation: \(error.message)", status: status, errorCode: "ERR_CRYPTO")
        case .publicKey(let key, let error):
            let (code, status) = APIError.fate(error)
            self.init(code, "failed to retrieve key \(key): \(error.message)", status: status, errorCode: "ERR_CRYPTO_KEY")
        }
    }
}
