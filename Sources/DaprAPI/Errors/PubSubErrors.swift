import BuildingBlocks
import COctavo
import Components
import Transport

// Dapr's answers to failures of the pub/sub API: codes, reasons, statuses. The one table for both wires.

extension APIError {
    init(_ failure: PubSubFailure, appID: String) {
        func resource(_ pubsub: String) -> (type: String, name: String) { ("pubsub", pubsub) }
        switch failure {
        case .notConfigured:
            self.init(
                .failedPrecondition, "pubsub is not configured", reason: "DAPR_PUBSUB_NOT_CONFIGURED", status: 400,
                errorCode: "ERR_PUBSUB_NOT_CONFIGURED")
        case .emptyName:
            self.init(
                .invalidArgument, "pubsub name is empty", reason: "DAPR_PUBSUB_NAME_EMPTY", status: 404,
                errorCode: "ERR_PUBSUB_EMPTY")
            self.resource = resource("")
        case .notFound(let pubsub):
            self.init(
                .invalidArgument, "pubsub '\(pubsub)' not found", reason: "DAPR_PUBSUB_NOT_FOUND", status: 404,
                errorCode: "ERR_PUBSUB_NOT_FOUND")
        case .emptyTopic(let pubsub):
            self.init(
                .invalidArgument, "topic is empty in pubsub '\(pubsub)'", reason: "DAPR_PUBSUB_TOPIC_NAME_EMPTY",
                status: 404, errorCode: "ERR_TOPIC_NAME_EMPTY")
            self.resource = resource(pubsub)
        case .forbidden(let pubsub, let topic):
            self.init(
                .permissionDenied, "topic \(topic) is not allowed for app id \(appID)", reason: "DAPR_PUBSUB_FORBIDDEN",
                status: 403, errorCode: "ERR_PUBSUB_FORBIDDEN")
            self.resource = resource(pubsub)
            info = ["topic": topic, "appID": appID]
        case .badMetadata(let pubsub, let cause):
            self.init(
                .invalidArgument, "failed deserializing metadata: \(cause)", reason: "DAPR_PUBSUB_METADATA_DESERIALIZATION",
                status: 400, errorCode: "ERR_PUBSUB_REQUEST_METADATA")
            self.resource = resource(pubsub)
        case .badEvent(let pubsub, let cause):
            self.init(
                .invalidArgument, "cannot create cloudevent: \(cause)", reason: "DAPR_PUBSUB_CLOUD_EVENT_CREATION",
                status: 500, errorCode: "ERR_PUBSUB_CLOUD_EVENTS_SER")
            self.resource = resource(pubsub)
            info = ["appID": appID, "error": cause]
        case .badEntries(let pubsub, let cause):
            self.init(
                .invalidArgument, "error marshaling events: \(cause)", reason: "DAPR_PUBSUB_MARSHAL_EVENTS", status: 400,
                errorCode: "ERR_PUBSUB_EVENTS_SER")
            self.resource = resource(pubsub)
        case .component(let pubsub, let topic, let error):
            let (code, status) = APIError.fate(error)
            self.init(
                code, "error when publishing to topic \(topic) in pubsub \(pubsub): \(error.message)",
                reason: "DAPR_PUBSUB_PUBLISH_MESSAGE", status: status, errorCode: "ERR_PUBSUB_PUBLISH_MESSAGE")
            self.resource = resource(pubsub)
            info = ["topic": topic, "error": error.message]
        }
    }
}
