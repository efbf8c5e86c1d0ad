import AppChannel
import BuildingBlocks
import DaprAPI
import Logging
import NIOCore

/// Tells the app of changes of configuration. Source: Dapr's `POST /configuration/<store>/<key>` to the app.
final class AppConfigurationReceiver: ConfigurationReceiver {
    private let app: AppChannel
    private let loops: [any EventLoop]
    private let logger = Logger(label: "octavo.configuration")

    /// `loops`: of the channel, in its order.
    init(_ app: AppChannel, _ loops: [any EventLoop]) {
        self.app = app
        self.loops = loops
    }

    func receive(_ change: ConfigurationChange, on loop: any EventLoop) {
        guard let index = loops.firstIndex(where: { $0 === loop }) else { return }
        let path = "/configuration/\(Self.escaped(change.store))/\(Self.escaped(change.key))"
        app.client(onLoop: index).tell(configuration: change.body, path: path) { [logger] failure in
            guard let failure else { return }
            logger.warning(
                "the app was not told of a change of configuration",
                metadata: ["store": "\(change.store)", "key": "\(change.key)", "cause": "\(failure)"])
        }
    }

    /// As one segment of a path (RFC 3986 §3.3).
    static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: ":"), UInt8(ascii: "|"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.utf8.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return result
    }
}
