import JSONText
import Logging

/// One log line as a JSON object with Dapr's keys: `time`, `level`, `msg`, `type`, `scope`, `app_id`,
/// `instance`, `ver`, then the metadata. A metadata key of one of those names gets `fields.` before it, as
/// Dapr's logger does.
struct JSONLine {
    let appID: String
    let instance: String
    let version: String

    private static let reserved: Set<String> = ["time", "level", "msg", "type", "scope", "app_id", "instance", "ver"]

    func render(
        time: LogTime, level: Logger.Level, scope: String, message: String, facts: [(key: String, value: JSONValue)]
    ) -> [UInt8] {
        var moment: [UInt8] = []
        time.append(to: &moment, digits: 9)
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("time", String(decoding: moment, as: UTF8.self))
        writer.member("level", JSONLine.levelName(level))
        writer.member("type", "log")
        writer.member("msg", message)
        writer.member("scope", scope)
        writer.member("app_id", appID)
        writer.member("instance", instance)
        writer.member("ver", version)
        for (key, value) in facts {
            writer.name(JSONLine.reserved.contains(key) ? "fields.\(key)" : key)
            writer.value(value)
        }
        writer.endObject()
        return writer.bytes + [0x0a]
    }

    /// Dapr knows no notice and calls what is critical fatal.
    private static func levelName(_ level: Logger.Level) -> String {
        switch level {
        case .notice: "info"
        case .critical: "fatal"
        default: level.rawValue
        }
    }
}
