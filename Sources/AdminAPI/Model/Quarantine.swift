/// A kind of request that is refused because it has killed its plugin's process: `GET /v1/quarantine`. Never a key or
/// a value: they are hashed.
package struct QuarantinedRequest: Sendable, Equatable, Codable {
    /// Names it, for `clear`.
    package var id: String
    package var plugin: String
    package var component: String
    package var operation: String
    /// Of the process, in which it had a part.
    package var deaths: Int
    package var secondsLeft: Double

    package init(id: String, plugin: String, component: String, operation: String, deaths: Int, secondsLeft: Double) {
        self.id = id
        self.plugin = plugin
        self.component = component
        self.operation = operation
        self.deaths = deaths
        self.secondsLeft = secondsLeft
    }
}

/// `GET /v1/quarantine`.
package struct QuarantineList: Sendable, Equatable, Codable {
    package var requests: [QuarantinedRequest]
    package init(requests: [QuarantinedRequest]) { self.requests = requests }
}

/// `DELETE /v1/quarantine`.
package struct QuarantineCleared: Sendable, Equatable, Codable {
    /// Kinds of requests that go through again.
    package var count: Int
    package init(count: Int) { self.count = count }
}
