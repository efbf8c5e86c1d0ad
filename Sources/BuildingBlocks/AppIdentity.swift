/// Which app this runtime stands beside.
package struct AppIdentity: Sendable, Equatable {
    package var appID: String
    /// Of the environment variable `NAMESPACE`; empty when it is not set.
    package var namespace: String

    package init(appID: String, namespace: String = "") {
        self.appID = appID
        self.namespace = namespace
    }
}
