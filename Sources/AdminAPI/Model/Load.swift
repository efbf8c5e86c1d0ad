/// What a part of the runtime has done since its start: an element of `GET /v1/load`.
package struct Load: Sendable, Equatable, Codable {
    /// `api`, `component`, `app`, `peer`: the app beside the runtime, and other apps that it calls.
    package var group: String
    /// `http GET state`, the component's name, `pubsub/orders`, the other app's id, ...
    package var name: String
    package var statistics: CallStatistics

    package init(group: String, name: String, statistics: CallStatistics) {
        self.group = group
        self.name = name
        self.statistics = statistics
    }
}

/// `GET /v1/load`.
package struct LoadList: Sendable, Equatable, Codable {
    package var loads: [Load]
    /// Requests and deliveries under way.
    package var underWay: Int

    package init(loads: [Load], underWay: Int) {
        self.loads = loads
        self.underWay = underWay
    }
}
