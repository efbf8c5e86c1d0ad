import NATSPluginNative
import PluginKit

/// What failures mean for an operator.
enum Failure {
    static func connecting(_ kind: Int32, _ why: String, _ settings: Settings) -> PluginError {
        let server = settings.address
        switch kind {
        case NATS_FAILED_REFUSED:
            return PluginError(
                OCTAVO_CODE_UNAUTHENTICATED,
                "The NATS server \(server) refuses the user, the password, the token or the key (\(why)). Check natsURL, username and password, token, nkey, jwt and seedKey, or credentials.",
                flags: OCTAVO_ERROR_PERMANENT)
        case NATS_FAILED_TLS:
            return PluginError(
                OCTAVO_CODE_UNAVAILABLE,
                "TLS with the NATS server \(server) fails: \(why). Check tls_ca_cert, tls_client_cert, tls_client_key and the name in the server's certificate; without TLS on the server, leave them out.",
                flags: OCTAVO_ERROR_OUTAGE | OCTAVO_ERROR_RETRYABLE)
        case NATS_FAILED_SETTINGS:
            return PluginError(OCTAVO_CODE_INVALID_ARGUMENT, "There is no connection to the NATS server \(server): \(why).", flags: OCTAVO_ERROR_PERMANENT)
        default:
            return .outage("There is no connection to the NATS server \(server): \(why). It is tried again.")
        }
    }

    static func lost(_ settings: Settings) -> PluginError {
        .outage("The connection to the NATS server \(settings.address) is lost. It is tried again.")
    }

    static func unacknowledged(_ settings: Settings) -> PluginError {
        .outage("The connection to the NATS server \(settings.address) was lost before it had answered. The message may have been taken.")
    }

    static func silent(_ settings: Settings, _ complaint: String) -> PluginError {
        if complaint.utf8.count > 0 {
            return PluginError(
                OCTAVO_CODE_PERMISSION_DENIED, "The NATS server \(settings.address) has not answered within 5 s; it last said: \(complaint).")
        }
        return .outage("JetStream on the NATS server \(settings.address) has not answered within 5 s. A message may have been taken.")
    }

    static func noJetStream(_ settings: Settings) -> PluginError {
        .outage("JetStream does not answer on the NATS server \(settings.address). Enable it (nats-server -js), or check domain and apiPrefix.")
    }

    static func noStream(_ topic: [UInt8], _ settings: Settings) -> PluginError {
        let topic = String(decoding: topic, as: UTF8.self)
        return PluginError(
            OCTAVO_CODE_FAILED_PRECONDITION,
            "No stream of the NATS server \(settings.address) takes the topic \(topic). Make one (nats stream add NAME --subjects \(topic)), or set createStream: true.")
    }

    static func streamAway(_ topic: [UInt8], _ settings: Settings) -> PluginError {
        .outage("The stream of the topic \(String(decoding: topic, as: UTF8.self)) does not answer on the NATS server \(settings.address); perhaps it has no leader now.")
    }

    static func sending(_ why: String, _ settings: Settings) -> PluginError {
        .outage("Nothing can be sent to the NATS server \(settings.address): \(why).")
    }

    /// An error in JetStream's answer.
    static func from(_ reply: APIReply, _ what: String, _ settings: Settings) -> PluginError {
        let said = "JetStream on \(settings.address) can't \(what): \(reply.errorText) (error \(reply.error))."
        switch reply.error {
        case 10039, 10076, 10008, 10009, 10005, 10007:
            return .outage(said)
        case 10002, 10023, 10026, 10027, 10028, 10047, 10077:
            return PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, said, flags: OCTAVO_ERROR_RETRYABLE)
        default:
            return reply.status == 503 ? .outage(said) : PluginError(OCTAVO_CODE_FAILED_PRECONDITION, said)
        }
    }

    static func topic(_ topic: Str) -> PluginError {
        .invalid(
            "The topic \(topic.string) can't be a subject of NATS: words with dots between them, without blanks, * and >, that don't begin with $ or _INBOX.")
    }

    static let tooMuch = PluginError(
        OCTAVO_CODE_RESOURCE_EXHAUSTED, "Too many messages wait for JetStream's acknowledgement already. Publish less at a time.",
        flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)

    static let stopping = PluginError(OCTAVO_CODE_UNAVAILABLE, "The broker is being stopped.", flags: OCTAVO_ERROR_RETRYABLE)
}
