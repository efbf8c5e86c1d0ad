/// How a component's keys are kept apart from those of others. Source: Dapr's `keyPrefix`.
package enum KeyPrefix: Equatable {
    /// Between prefix and key; illegal in both.
    package static let separator = "||"

    /// The prefix with its separator, empty for `none`. A literal one is in lower case, as Dapr stores it: keys
    /// that were written by either are found by the other.
    package static func text(setting: String?, component: String, identity: AppIdentity) -> String {
        switch setting?.lowercased() {
        case nil, "", "appid": identity.appID + separator
        case "name": component + separator
        case "namespace":
            (identity.namespace.isEmpty ? identity.appID : identity.namespace + "." + identity.appID) + separator
        case "none": ""
        case let literal?: literal + separator
        }
    }

    /// Whether the bytes hold two pipes in a row.
    package static func isIllegal(_ key: UnsafeRawBufferPointer) -> Bool {
        var previous: UInt8 = 0
        for byte in key {
            if byte == 0x7c, previous == 0x7c { return true }
            previous = byte
        }
        return false
    }
}
