/// What the metadata of a publication asks the runtime itself for. Source: Dapr's `rawPayload` and `ttlInSeconds`.
struct PublishOptions {
    var isRaw = false
    /// 0: none.
    var ttlNanoseconds: Int64 = 0

    init() {}

    init(_ metadata: [(String, String)], pubsub: String) throws(PubSubFailure) {
        for (name, value) in metadata {
            switch name.lowercased() {
            case "rawpayload":
                guard let flag = Self.flag(value) else {
                    throw .badMetadata(pubsub: pubsub, cause: "rawPayload must be true or false, and is \"\(value)\"")
                }
                isRaw = flag
            case "ttlinseconds":
                guard let seconds = Int32(value), seconds > 0 else {
                    throw .badMetadata(
                        pubsub: pubsub, cause: "ttlInSeconds must be a whole number of seconds above 0, and is \"\(value)\"")
                }
                ttlNanoseconds = Int64(seconds) * 1_000_000_000
            default: break
            }
        }
    }

    /// As Go's `strconv.ParseBool`.
    static func flag(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False", "": false
        default: nil
        }
    }
}
