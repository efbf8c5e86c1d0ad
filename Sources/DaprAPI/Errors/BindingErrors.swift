import BuildingBlocks
import COctavo
import Components
import Transport

// Dapr's answers to failures of the bindings API.

extension APIError {
    init(_ failure: BindingFailure) {
        let word = "ERR_INVOKE_OUTPUT_BINDING"
        switch failure {
        case .notFound(let binding):
            self.init(
                .internal, "error invoking output binding \(binding): \(failure.cause)", status: 500, errorCode: word)
        case .component(let binding, _, let error):
            // Dapr says 500 to everything; what another try may change is told apart.
            let (code, status) =
                switch error.code {
                case OCTAVO_CODE_UNAVAILABLE, OCTAVO_CODE_DEADLINE_EXCEEDED, OCTAVO_CODE_RESOURCE_EXHAUSTED: APIError.fate(error)
                default: (GRPCCode.internal, 500)
                }
            self.init(code, "error invoking output binding \(binding): \(error.message)", status: status, errorCode: word)
            add(error, word)
        }
    }
}
