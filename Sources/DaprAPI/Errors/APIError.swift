import DaprProtos
import JSONText
import ProtoWire
package import Transport

/// An error as Dapr gives it: one meaning, two wires. Source of shapes: Dapr's error documentation.
package struct APIError: Error, Sendable {
    package var code: GRPCCode
    package var message: String
    /// Of the ErrorInfo detail; empty for a plain error, which has no details.
    package var reason = ""
    package var info: [String: String] = [:]
    package var resource: (type: String, name: String)?
    package var violation: (field: String, description: String)?
    package var help: (url: String, description: String)?
    /// Over HTTP.
    package var status: Int
    package var errorCode: String
    /// Whether details are in the HTTP body, too; some errors have them over gRPC alone.
    package var hasDetailsOverHTTP = true
    /// Seconds that `retry-after` names; `nil` for none.
    package var retryAfterSeconds: Int?

    package init(_ code: GRPCCode, _ message: String, reason: String = "", status: Int, errorCode: String) {
        self.code = code
        self.message = message
        self.reason = reason
        self.status = status
        self.errorCode = errorCode
    }

    /// The gRPC status with its details, in the order in which Dapr adds them.
    package var grpcStatus: GRPCStatus {
        guard !reason.isEmpty else { return GRPCStatus(code, message) }
        var status = Google_Rpc_Status()
        status.code = Int32(code.rawValue)
        status.message = message
        func add(_ message: some Message) {
            status.details.append(Google_Protobuf_Any(message: message))
        }
        if let violation {
            add(Google_Rpc_BadRequest.with {
                $0.fieldViolations = [.with { $0.field = violation.field; $0.description_p = violation.description }]
            })
        }
        if let help {
            add(Google_Rpc_Help.with {
                $0.links = [.with { $0.url = help.url; $0.description_p = help.description }]
            })
        }
        if let resource {
            add(Google_Rpc_ResourceInfo.with { $0.resourceType = resource.type; $0.resourceName = resource.name })
        }
        add(Google_Rpc_ErrorInfo.with {
            $0.reason = reason
            $0.domain = "dapr.io"
            $0.metadata = info
        })
        return GRPCStatus(code, message, details: status.serializedBytes())
    }

    /// The body of the HTTP answer.
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("errorCode", errorCode)
        writer.member("message", message)
        if !reason.isEmpty, hasDetailsOverHTTP {
            writer.name("details")
            writer.beginArray()
            if let violation {
                detail(&writer, "BadRequest") { writer in
                    writer.name("field_violations")
                    writer.beginArray()
                    writer.beginObject()
                    writer.member("field", violation.field)
                    writer.member("description", violation.description)
                    writer.endObject()
                    writer.endArray()
                }
            }
            if let help {
                detail(&writer, "Help") { writer in
                    writer.name("links")
                    writer.beginArray()
                    writer.beginObject()
                    writer.member("url", help.url)
                    writer.member("description", help.description)
                    writer.endObject()
                    writer.endArray()
                }
            }
            if let resource {
                detail(&writer, "ResourceInfo") { writer in
                    writer.member("resource_type", resource.type)
                    writer.member("resource_name", resource.name)
                    writer.member("owner", "")
                    writer.member("description", "")
                }
            }
            detail(&writer, "ErrorInfo") { writer in
                writer.member("domain", "dapr.io")
                writer.name("metadata")
                if info.isEmpty {
                    writer.value(.null)
                } else {
                    writer.beginObject()
                    for (name, value) in info.sorted(by: { $0.key < $1.key }) { writer.member(name, value) }
                    writer.endObject()
                }
                writer.member("reason", reason)
            }
            writer.endArray()
        }
        writer.endObject()
        return writer.bytes
    }

    private func detail(_ writer: inout JSONWriter, _ kind: String, _ body: (inout JSONWriter) -> Void) {
        writer.beginObject()
        writer.member("@type", "type.googleapis.com/google.rpc." + kind)
        body(&writer)
        writer.endObject()
    }
}
