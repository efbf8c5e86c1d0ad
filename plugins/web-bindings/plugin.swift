import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "web-bindings", version: "1.0.0", description: "Bindings to servers of the web: HTTP and mail",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR,
    types: [
        .binding(
            "bindings.http", .reactor, features: OCTAVO_BINDING_OUTPUT,
            schema: Schema(
                title: "HTTP", description: "Requests to a server over HTTP.",
                fields: [
                    .string("url", required: true, example: "https://api.example.com", "Where requests go; path of the request's metadata is added."),
                    .string("MTLSRootCA", "The authorities that are trusted: PEM, or the path of a file. Else the system's."),
                    .string("MTLSClientCert", "The certificate that is shown: PEM, or the path of a file."),
                    .string("MTLSClientKey", sensitive: true, "Its key: PEM, or the path of a file."),
                    .word(
                        "MTLSRenegotiation", of: ["RenegotiateNever", "RenegotiateOnceAsClient", "RenegotiateFreelyAsClient"],
                        "Taken and not used: the TLS library decides."),
                    .string("securityToken", sensitive: true, "A token that goes along in the header securityTokenHeader."),
                    .string("securityTokenHeader", example: "X-Security-Token", "The header of the token."),
                    .boolean("errorIfNot2XX", default: "true", "Whether an answer with another status is an error."),
                    .duration("responseTimeout", example: "10s", "How long an answer may take. Without it, as long as the caller waits."),
                    .byteSize("maxResponseBodySize", default: "100Mi", "The longest body of an answer; 0 = no limit."),
                ],
                operations: [
                    Operation("create", "The same as post."), Operation("get", repeatable: true, "GET"),
                    Operation("head", repeatable: true, "HEAD"), Operation("post", "POST, with the data as the body."),
                    Operation("put", "PUT, with the data as the body."), Operation("patch", "PATCH, with the data as the body."),
                    Operation("delete", "DELETE"), Operation("options", repeatable: true, "OPTIONS"),
                    Operation("trace", repeatable: true, "TRACE"),
                ]),
            make: { (config, instance) throws(PluginError) in try HTTPBinding(config, instance) }),
        .binding(
            "bindings.smtp", .reactor, features: OCTAVO_BINDING_OUTPUT,
            schema: Schema(
                title: "SMTP", description: "Sends mail. What is named here may be in the metadata of a request, which counts more.",
                fields: [
                    .string("host", required: true, example: "smtp.example.com", "The mail server."),
                    .integer("port", default: "25", from: 1, to: 65535, "Its port; 465 speaks TLS at once, others when they offer it."),
                    .string("user", "Who sends, to the server."),
                    .string("password", sensitive: true, "The user's password."),
                    .word(
                        "tls", of: ["implicit", "starttls", "offered"],
                        "TLS at once, TLS by STARTTLS and not without, or when it is offered; by itself at once on port 465, when offered on others."
                    ),
                    .boolean("skipTLSVerify", default: "false", "Whether any certificate of the server will do."),
                    .string("caCert", "The authorities that are trusted: PEM, or the path of a file. Else the system's."),
                    .string("emailFrom", example: "me@example.com", "The sender."),
                    .string("emailTo", example: "you@example.com;others@example.com", "Recipients, separated by semicolons."),
                    .string("emailCC", "More recipients, whom all see."),
                    .string("emailBCC", "More recipients, whom nobody sees."),
                    .string("subject", "The subject."),
                    .integer("priority", from: 1, to: 5, "From 1, the lowest, to 5, the highest; 3 by itself."),
                ],
                operations: [Operation("create", "Sends the data, HTML, as a message.")]),
            make: { (config, instance) throws(PluginError) in try SMTPBinding(config, instance) }),
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
