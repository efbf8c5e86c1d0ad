import BuildingBlocks
import Components
import Transport

// Dapr's answers to failures of the configuration API; to those of writes, which Dapr does not have, in its manner.

extension APIError {
    init(_ failure: ConfigurationFailure) {
        switch failure {
        case .notConfigured:
            self.init(
                .failedPrecondition, "configuration stores not configured", status: 500,
                errorCode: "ERR_CONFIGURATION_STORE_NOT_CONFIGURED")
        case .notFound(let store):
            self.init(
                .invalidArgument, "configuration store \(store) not found", status: 400,
                errorCode: "ERR_CONFIGURATION_STORE_NOT_FOUND")
        case .component(let store, let operation, let keys, let error):
            var (code, status) = APIError.fate(error)
            let list = "[" + keys.joined(separator: " ") + "]"
            let (text, word) =
                switch operation {
                case .get: ("failed to get \(list) from Configuration store \(store)", "ERR_CONFIGURATION_GET")
                case .set: ("failed to set \(list) in Configuration store \(store)", "ERR_CONFIGURATION_SET")
                case .remove: ("failed to remove \(list) from Configuration store \(store)", "ERR_CONFIGURATION_REMOVE")
                case .subscribe: ("failed to subscribe \(list) from Configuration store \(store)", "ERR_CONFIGURATION_SUBSCRIBE")
                }
            // Where nothing more exact is known, Dapr's word for it.
            if operation == .subscribe, code == .internal { code = .invalidArgument }
            if operation == .subscribe, status == 400 { status = 500 }
            self.init(code, "\(text): \(error.message)", status: status, errorCode: word)
            add(error, word)
        }
    }

    /// Source: Dapr's answer to subscriptions over HTTP without an app to tell.
    static var noConfigurationReceiver: APIError {
        APIError(
            .internal,
            "app channel is not initialized: changes of a subscription over HTTP are told to the app, which this runtime has no "
                + "channel to; subscribe over gRPC, or read with get",
            status: 500, errorCode: "ERR_APP_CHANNEL_NIL")
    }
}
