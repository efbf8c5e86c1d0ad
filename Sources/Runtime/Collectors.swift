import Glibc
import Logging
import NIOCore
import Resources
import Telemetry
import TelemetryExport
import Transport

/// A collector of OpenTelemetry that spans or metrics go to.
struct NamedCollector {
    var settings: CollectorSettings
    /// What names its address: a member of the configuration, or a variable.
    var origin: String
    var isOfEnvironment = false
    /// Whether what is posted to is below the path of the address.
    var isBase = false

    private static let timeout = Duration.seconds(10)

    /// As OpenTelemetry's variables have it; nil: they name none. Throws `StartError`.
    /// Source: OpenTelemetry, "OTLP Exporter Configuration".
    static func ofEnvironment(_ signal: OTLPSignal, _ environment: [String: String]) throws -> NamedCollector? {
        let word = signal.rawValue.uppercased()
        func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func variable(_ name: String) -> (value: String, name: String)? {
            for full in ["OTEL_EXPORTER_OTLP_\(word)_\(name)", "OTEL_EXPORTER_OTLP_\(name)"] {
                if let value = given(full) { return (value, full) }
            }
            return nil
        }
        if given("OTEL_SDK_DISABLED")?.lowercased() == "true" { return nil }
        let exporters = given("OTEL_\(word)_EXPORTER")?.split(separator: ",").map { $0.drop { $0 == " " } }
        if let exporters, !exporters.contains("otlp") { return nil }
        guard let endpoint = variable("ENDPOINT") else { return nil }
        let wire: CollectorSettings.Wire
        switch variable("PROTOCOL")?.value ?? "grpc" {
        case "grpc": wire = .grpc
        case "http", "http/protobuf": wire = .http
        case let other: throw StartError("\(variable("PROTOCOL")?.name ?? "") is \(other); it may be grpc or http/protobuf")
        }
        var settings = CollectorSettings(wire: wire, address: endpoint.value)
        settings.isSecure = variable("INSECURE")?.value.lowercased() != "true"
        settings.headers = CollectorSettings.listed(variable("HEADERS")?.value ?? "")
        if let timeout = variable("TIMEOUT") { settings.timeout = .milliseconds(try milliseconds(timeout)) }
        return NamedCollector(
            settings: settings, origin: endpoint.name, isOfEnvironment: true, isBase: endpoint.name == "OTEL_EXPORTER_OTLP_ENDPOINT")
    }

    /// A whole number above 0.
    static func milliseconds(_ variable: (value: String, name: String)) throws -> Int {
        guard let number = Int(variable.value), number > 0 else {
            throw StartError("\(variable.name) is \(variable.value); it must be a number of milliseconds above 0")
        }
        return number
    }

    /// The way to it. Throws `StartError` when the address can't be used.
    func carrier(_ signal: OTLPSignal, _ eventLoop: any EventLoop) async throws -> any Carrier {
        for header in settings.headers { LogRedaction.shared.protect(header.value) }
        var target = try target(named: origin) { [settings] () throws(ExportTarget.Malformed) in
            try ExportTarget(
                settings.address, isSecure: settings.isSecure, port: settings.wire == .grpc ? 4317 : 4318,
                path: settings.wire == .grpc ? "/" : signal.path)
        }
        if isBase, settings.wire == .http, target.path != signal.path {
            target.path += (target.path.hasSuffix("/") ? signal.path.dropFirst() : signal.path[...])
        }
        let headers = settings.headers.map { ($0.name, $0.value) }, timeout = settings.timeout ?? Self.timeout, wire = settings.wire
        return try await eventLoop.submit { [target] () throws -> any Carrier in
            let loop = ClientLoop(eventLoop: eventLoop)
            switch wire {
            case .grpc: return try GRPCCarrier(signal, target, headers: headers, timeout: timeout, loop: loop)
            case .http: return try HTTPCarrier(signal, target, headers: headers, timeout: timeout, loop: loop)
            }
        }.get()
    }
}

/// An address that `member` names.
func target(named member: String, _ read: () throws(ExportTarget.Malformed) -> ExportTarget) throws -> ExportTarget {
    do throws(ExportTarget.Malformed) { return try read() } catch { throw StartError("\(member): \(error)") }
}

extension ExportResource {
    /// A running runtime, which is told apart from others of the same app. Source: OpenTelemetry's names for resources and its
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    init(appID: String, namespace: String, environment: [String: String]) {
        var more = CollectorSettings.listed(environment["OTEL_RESOURCE_ATTRIBUTES"] ?? "").map { ($0.name, Self.plain($0.value)) }
        if !namespace.isEmpty { more.append(("service.namespace", namespace)) }
        var random = SystemRandomNumberGenerator()
        let name = [random.next(), random.next()].map { (number: UInt64) in
            let text = String(number, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
        more.append(("service.instance.id", name))
        var host = [CChar](repeating: 0, count: 256)
        if gethostname(&host, host.count - 1) == 0 { more.append(("host.name", String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))) }
        self.init(
            service: environment["OTEL_SERVICE_NAME"].flatMap { $0.isEmpty ? nil : $0 } ?? appID, version: Version.current,
            more: more.map { (name: $0.0, value: $0.1) })
    }

    /// Without percent signs before what they stand for.
    private static func plain(_ text: String) -> String {
        var bytes: [UInt8] = [], rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == 0x25, rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
