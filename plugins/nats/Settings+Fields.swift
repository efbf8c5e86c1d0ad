import PluginKit

extension Settings {
    static var fields: [Field] { serverFields + consumerFields }

    private static var serverFields: [Field] {
        [
            .string(
                "natsURL", required: true, sensitive: true, example: "nats://localhost:4222",
                "URLs of the servers, with commas between them; tls:// for TLS. A user and a password may be part of them."),
            .string("name", default: "dapr.io - pubsub.jetstream", "Name of the connections, for people who look at the server."),
            .string("username", "User.").profile("password"),
            .string("password", sensitive: true, "Password.").profile("password"),
            .string("token", sensitive: true, "Token.").profile("token"),
            .string("jwt", sensitive: true, "Token of a user of a decentralised account (JWT).").profile("jwt"),
            .string("seedKey", sensitive: true, "Seed of the user's key: of the jwt, or of nkey."),
            .string("nkey", "Public key of a user without a jwt; its seed is seedKey.").profile("nkey"),
            .string("credentials", "Path of a file that holds jwt and seed (.creds).").profile("credentials"),
            .string("tls_client_cert", "Certificate for the server, PEM text or a path.").profile("tls"),
            .string("tls_client_key", sensitive: true, "Key of tls_client_cert, PEM text or a path.").profile("tls"),
            .string("tls_ca_cert", "Authority of the server's certificate, PEM text or a path; the system's otherwise.").alias("caCert"),
            .boolean("insecureSkipTLSVerify", default: "false", "Accept any certificate of the server."),
            .string("domain", "Domain of JetStream."),
            .string("apiPrefix", "Prefix of JetStream's API, such as $JS.hub.API; takes the place of domain."),
        ]
    }

    private static var consumerFields: [Field] {
        [
            .string("streamName", "The stream; without it the one that takes the topic."),
            .boolean(
                "createStream", default: "false",
                "Make what is missing: a stream for each topic, or the stream streamName with the topics among its subjects."),
            .string("consumerID", "Name of the consumer group; by default the app id."),
            .string("queueGroupName", "Takes the place of consumerID."),
            .string("durableName", "Name of the consumer on the server, of a component with one topic; otherwise made of group and topic."),
            .word(
                "deliverPolicy", of: ["all", "last", "new", "sequence", "time"], default: "all",
                "Where a group begins that is new: with all messages, the last one, new ones, startSequence, startTime."),
            .integer("startSequence", from: 0, "Number of the first message, for deliverPolicy sequence."),
            .integer("startTime", from: 0, "Seconds since 1970, for deliverPolicy time."),
            .word(
                "ackPolicy", of: ["explicit", "all", "none"], default: "explicit",
                "none: a message is done when the app is given it. all is as explicit."),
            .duration("ackWait", example: "30s", "A runtime that was killed has lost its messages after so long: they come again."),
            .integer("maxDeliver", from: -1, "How often a message is delivered at most."),
            .string("backOff", "How long the server waits for the answer to each delivery, such as 1s, 10s, 1m; fewer than maxDeliver. It takes the place of ackWait."),
            .integer("maxAckPending", from: -1, "Messages that all consumers of a group have at most."),
            .integer("replicas", from: 0, to: 5, "Replicas of the consumer, and of a stream that is made."),
            .boolean("memoryStorage", default: "false", "Keep what the consumer knows in memory."),
            .integer("rateLimit", from: 0, "About so many bits are fetched in a second for each topic."),
            .duration("heartbeat", default: "5s", "How often the server says that it has nothing to deliver, 100ms to 10s."),
            .boolean("flowControl", default: "false", "No effect: as many messages are fetched as the runtime asks for."),
            .word("concurrency", of: ["single", "parallel"], default: "single", "No effect: the runtime decides how many messages are under way."),
        ]
    }
}
