package import COctavo
import Telemetry

/// Why a call to a component failed: what the plugin said, and which component said it.
public struct CallError: Error, Sendable, CustomStringConvertible {
    /// The gRPC code, 1 to 16.
    package var code: Int32
    /// `OCTAVO_ERROR_*`.
    package var flags: UInt32 = 0
    /// With `OCTAVO_ERROR_THROTTLED` or `OCTAVO_ERROR_RETRYABLE`: not before; 0 = not known.
    package var retryAfterNanoseconds: Int64 = 0
    /// A stable word in capitals, or empty.
    package var reason = ""
    /// For a person: what failed, why, what to do.
    package var message: String
    package var details: [(name: String, value: String)] = []
    /// The component's name and its type, for example `statestore` and `state.redis`.
    package var component = ""
    package var type = ""
    /// The operation of the kind, for example `get`.
    package var operation = ""

    package init(code: Int32, reason: String = "", flags: UInt32 = 0, message: String) {
        self.code = code
        self.reason = reason
        self.flags = flags
        self.message = message
    }

    package var mayHaveTakenEffect: Bool { flags & UInt32(OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT) != 0 }
    package var isOutage: Bool { flags & UInt32(OCTAVO_ERROR_OUTAGE) != 0 }

    public var description: String {
        component.isEmpty ? message : "component \(component) (\(type)), \(operation): \(message)"
    }
}

extension CallError {
    /// Copies what a plugin gave, secrets masked: a driver's message may quote the address that it was given, password
    /// and all. `error` is valid during the call only.
    init(copying error: UnsafePointer<octavo_error>, component: String, type: String, operation: String) {
        let given = error.pointee
        code = given.code
        flags = given.flags
        retryAfterNanoseconds = given.retry_after_ns
        reason = String(given.reason)
        message = given.message.size == 0 ? "failed without saying why" : LogRedaction.shared.mask(String(given.message))
        self.component = component
        self.type = type
        self.operation = operation
        let stride = Int(given.details.stride)
        if let items = given.details.items, stride >= MemoryLayout<octavo_pair>.size {
            details = (0..<Int(given.details.count)).map {
                let pair = items.loadUnaligned(fromByteOffset: $0 * stride, as: octavo_pair.self)
                return (String(pair.name), LogRedaction.shared.mask(String(pair.value)))
            }
        }
    }
}
