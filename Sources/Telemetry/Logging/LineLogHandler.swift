import JSONText
package import Logging

/// Renders log events as lines and hands them to the sink. Rendering happens on the caller's thread, writing
/// does not.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let configuration: LogConfiguration

    /// - Parameter label: what the logger calls itself; Dapr's `scope`.
    package init(label: String, _ configuration: LogConfiguration) {
        self.label = label
        self.configuration = configuration
        logLevel = configuration.level
    }

    /// Makes it the handler of every logger. Once a process, before the first logger.
    package static func bootstrap(_ configuration: LogConfiguration) {
        LoggingSystem.bootstrap { LineLogHandler(label: $0, configuration) }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let facts = facts(of: event)
        let message = configuration.redaction.mask(event.message.description)
        let time = LogTime.now()
        configuration.ring?.add(time, event.level, label, message, facts.map { ($0, $1.text) })
        let line =
            switch configuration.format {
            case .text(let colour):
                TextLine(colour: colour).render(
                    time: time, level: event.level, scope: label, message: message,
                    facts: facts.map { ($0, $1.text) })
            case .json:
                JSONLine(
                    appID: configuration.appID, instance: configuration.instance, version: configuration.version
                ).render(
                    time: time, level: event.level, scope: label, message: message, facts: facts.map { ($0, $1) })
            }
        configuration.sink.write(line)
        // The process may be about to end.
        if event.level == .critical { configuration.sink.flush() }
    }

    /// Facts by key; those of the event over those of the logger.
    private func facts(of event: LogEvent) -> [(key: String, value: JSONValue)] {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
        return all.sorted { $0.key < $1.key }.map { ($0.key, fact($0.key, $0.value)) }
    }

    private func fact(_ key: String, _ value: Logger.MetadataValue) -> JSONValue {
        if configuration.redaction.hides(key: key) { return .string(Sensitive.mask) }
        switch value {
        case .string(let text): return .string(configuration.redaction.mask(text))
        case .stringConvertible(let value):
            if let number = value as? any FixedWidthInteger { return .number("\(number)") }
            if let flag = value as? Bool { return .bool(flag) }
            return .string(configuration.redaction.mask(value.description))
        case .array(let items): return .array(items.map { fact("", $0) })
        case .dictionary(let members):
            return .object(members.sorted { $0.key < $1.key }.map { ($0.key, fact($0.key, $0.value)) })
        @unknown default: return .string(Sensitive.mask)
        }
    }
}

extension JSONValue {
    /// As it stands in a line for eyes: texts without quotes, the rest as JSON.
    fileprivate var text: String {
        if case .string(let text) = self { return text }
        var writer = JSONWriter()
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
