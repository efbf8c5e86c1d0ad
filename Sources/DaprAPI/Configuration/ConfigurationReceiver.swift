package import NIOCore

/// Tells the app of changes of configuration that it has subscribed to over HTTP. Any thread.
package protocol ConfigurationReceiver: Sendable {
    /// Delivers one change: `POST /configuration/<store>/<key>` with the JSON text `body`; the path's parts are not escaped
    /// yet. Called on `loop`, in the order of the changes. Whatever the app answers, nothing comes of it but a line in the
    /// log.
    func receive(_ change: ConfigurationChange, on loop: any EventLoop)
}

/// One item that has changed, as the app is told of it.
package struct ConfigurationChange: Sendable, Equatable {
    package var store: String
    package var key: String
    /// `{"id", "items": {key: {"value", "version", "metadata"}}}`.
    package var body: [UInt8]
}
