import PluginKit

/// Made once, when the runtime first asks for it, and constant after that.
nonisolated(unsafe) private let descriptor = describe(
    id: "aws", version: "1.0.0", description: "Services of AWS, and others with the same API",
    requires: OCTAVO_FEATURE_CALLS | OCTAVO_FEATURE_REACTOR,
    types: [
        .binding(
            "bindings.aws.s3", .reactor, features: OCTAVO_BINDING_OUTPUT,
            schema: Schema(
                title: "AWS S3", description: "Objects in a bucket of S3, or of another service with its API.",
                fields: [
                    .string("bucket", required: true, example: "photos", "The bucket."),
                    .string("region", example: "eu-central-1", "The bucket's region. Else AWS_REGION or AWS_DEFAULT_REGION of the environment.")
                        .alias("awsRegion"),
                    .string("endpoint", example: "http://localhost:9000", "Another service than AWS's: host, or URL with http:// or https://."),
                    .string("accessKey", example: "AKIA…", "Who asks. Without it AWS_ACCESS_KEY_ID and its companions of the environment count.")
                        .alias("awsAccessKey"),
                    .string("secretKey", sensitive: true, "The secret of accessKey.").alias("awsSecretKey"),
                    .string("sessionToken", sensitive: true, "The token of credentials that are for a time.").alias("awsSessionToken"),
                    .boolean("forcePathStyle", default: "false", "Whether the bucket is named in the path of a URL, not in its host. Most other services want it."),
                    .boolean("decodeBase64", default: "false", "Whether data of create are Base64, and stored decoded."),
                    .boolean("encodeBase64", default: "false", "Whether get answers with Base64."),
                    .boolean("disableSSL", default: "false", "Whether an endpoint without http:// or https:// is asked without TLS."),
                    .boolean("insecureSSL", default: "false", "Whether any certificate of the server will do."),
                    .string("storageClass", example: "STANDARD_IA", "The storage class of what is created."),
                ],
                operations: [
                    Operation("create", "Stores the data, or the file filePath, as key, or as a new name."),
                    Operation("get", repeatable: true, "The object key."),
                    Operation("delete", repeatable: true, "Removes the object key."),
                    Operation("list", repeatable: true, "The bucket's objects: prefix, marker, delimiter and maxResults of the data."),
                    Operation("presign", repeatable: true, "A URL with which anybody can get the object key for presignTTL."),
                ]),
            make: { (config, instance) throws(PluginError) in try S3Binding(config, instance) })
    ])

/// The one symbol that the plugin exports.
@c(octavo_plugin_v1)
public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }
