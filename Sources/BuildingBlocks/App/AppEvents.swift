package import JSONText

/// A message for a topic's route of the app. A value.
package struct AppTopicEvent: Sendable {
    package var pubsubName: String
    package var topic: String
    /// The route; for a gRPC app it may be empty.
    package var path: String
    /// What an HTTP app gets: a CloudEvent as JSON, or the raw payload.
    package var envelope: [UInt8]
    package var contentType = "application/cloudevents+json"

    // What a gRPC app gets: the envelope, taken apart.
    package var id = ""
    package var source = ""
    package var type = ""
    package var specVersion = ""
    package var dataContentType = ""
    package var data: [UInt8] = []
    /// Every other member of the envelope.
    package var extensions: [(name: String, value: JSONValue)] = []

    /// The broker's metadata: header fields for an HTTP app, metadata for a gRPC app.
    package var metadata: [(String, String)] = []
    package var trace = AppTrace()
    /// The app must have answered by then, from the time on that it is its turn; nil: it may take as long as it likes.
    package var timeout: Duration?

    package init(pubsubName: String, topic: String, path: String, envelope: [UInt8]) {
        self.pubsubName = pubsubName
        self.topic = topic
        self.path = path
        self.envelope = envelope
    }
}

/// Messages for a bulk route of the app. A value.
package struct AppTopicBatch: Sendable {
    package struct Entry: Sendable {
        package var entryID: String
        package var event: AppTopicEvent
        /// The payload is not a CloudEvent: `event.data` goes as it is.
        package var isRaw: Bool

        package init(entryID: String, event: AppTopicEvent, isRaw: Bool = false) {
            self.entryID = entryID
            self.event = event
            self.isRaw = isRaw
        }
    }

    package var id: String
    package var pubsubName: String
    package var topic: String
    package var path: String
    package var entries: [Entry]
    package var metadata: [(String, String)] = []
    package var trace = AppTrace()
    /// The app must have answered by then, from the time on that it is its turn; nil: it may take as long as it likes.
    package var timeout: Duration?

    package init(id: String, pubsubName: String, topic: String, path: String, entries: [Entry]) {
        self.id = id
        self.pubsubName = pubsubName
        self.topic = topic
        self.path = path
        self.entries = entries
    }
}

/// An event of an input binding. A value.
package struct AppBindingEvent: Sendable {
    package var name: String
    /// Of an HTTP app: the binding's name, unless it has another.
    package var route: String
    package var data: [UInt8]
    package var metadata: [(String, String)]
    /// Of an HTTP app.
    package var contentType = "application/json"
    package var trace = AppTrace()
    /// The app must have answered by then, from the time on that it is its turn; nil: it may take as long as it likes.
    package var timeout: Duration?

    package init(name: String, route: String, data: [UInt8], metadata: [(String, String)] = []) {
        self.name = name
        self.route = route
        self.data = data
        self.metadata = metadata
    }
}

/// What the app answered to a binding's event. A value.
package struct AppBindingReply: Sendable, Equatable {
    /// Goes back to the component.
    package var data: [UInt8]
    /// What the output bindings are given: JSON of an HTTP app, the same data of a gRPC app.
    package var forwarded: [UInt8]
    /// Output bindings that the app wants called.
    package var to: [String]
    package var isParallel: Bool
    /// Items that the app wants saved, and where.
    package var storeName = ""
    package var states: [StateWrite] = []

    package init(data: [UInt8], forwarded: [UInt8] = [], to: [String] = [], isParallel: Bool = false) {
        self.data = data
        self.forwarded = forwarded
        self.to = to
        self.isParallel = isParallel
    }
}

/// Trace context on its way through (W3C Trace Context). A value; empty fields are not sent.
package struct AppTrace: Sendable, Equatable {
    package var parent: String
    package var state: String

    package init(parent: String = "", state: String = "") {
        self.parent = parent
        self.state = state
    }
}

/// What the app said of a message. Source: Dapr's topic responses.
package enum AppVerdict: Sendable, Equatable {
    case success
    case retry
    /// Not again; to the dead-letter topic, if there is one.
    case drop
    /// Not again, and not to the dead-letter topic: the app has no such method.
    case discard
}

/// Why a delivery has no verdict: it may be tried again. A value.
package struct AppFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The app was not reached, or broke off.
        case unreachable
        case timeout
        /// Too much waits for the app already.
        case overloaded
        /// An HTTP app answered with this status.
        case status(Int)
        /// A gRPC app answered with the code of this number.
        case code(Int)
        /// The answer makes no sense.
        case malformed
    }

    package var kind: Kind
    /// A full sentence.
    package var description: String
    /// False only when the app certainly has not seen it.
    package var mayHaveTakenEffect: Bool

    package init(_ kind: Kind, _ description: String, mayHaveTakenEffect: Bool) {
        self.kind = kind
        self.description = description
        self.mayHaveTakenEffect = mayHaveTakenEffect
    }
}
