import AdminAPI
import Components
import Glibc
import NIOCore
import Resources
import Transport

/// Whether the runtime could listen where it is told to.
enum ListenerCheck {
    static func findings(_ options: RuntimeOptions) -> [DoctorFinding] {
        var findings = certificates(options) + internalCertificates(options)
        if let folder = options.api.unixSocketFolder {
            findings += ["http", "grpc"].compactMap { socket("\(folder)/dapr-\(options.appID)-\($0).socket") }
        } else {
            for host in options.api.listenAddresses {
                findings += [
                    port(host, options.api.httpPort, "--dapr-http-port"),
                    port(host, options.api.grpcPort, "--dapr-grpc-port"),
                ].compactMap { $0 }
            }
        }
        if options.metrics.enabled {
            findings += [port(options.metrics.listenAddress, options.metrics.port, "--metrics-port")].compactMap { $0 }
        }
        return findings
    }

    private static func certificates(_ options: RuntimeOptions) -> [DoctorFinding] {
        guard let tls = options.tls else { return [] }
        do {
            _ = try TLSServerContext(
                certificate: tls.certificate, key: tls.privateKey, clientAuthorities: tls.clientAuthorities)
            return []
        } catch {
            return [
                DoctorFinding(
                    severity: .error, subject: "TLS", cause: "\(error)",
                    remedy: "Give PEM files that belong together with --tls-cert and --tls-key.")
            ]
        }
    }

    /// Those of flags and environment, and of the configuration.
    private static func internalCertificates(_ options: RuntimeOptions) -> [DoctorFinding] {
        let outcome = options.configurationPaths.isEmpty
            ? nil : ConfigurationLoader.load(paths: options.configurationPaths, environment: ResourceReading.environment)
        do {
            guard let files = try PeerCertificates.files(options.internalTLS, outcome?.configuration?.mutualTLS ?? MutualTLSSettings()) else { return [] }
            _ = try PeerCertificates.read(files, options.appID, environmentVariable("NAMESPACE") ?? "")
            return []
        } catch {
            return [
                DoctorFinding(
                    severity: .error, subject: "TLS between runtimes", cause: "\(error)",
                    remedy: "Make certificates with octavo ca issue, or give those of another authority with --tls-internal-cert, -key and -ca.")
            ]
        }
    }

    /// Binds the port for a moment. Port 0 is always free.
    private static func port(_ host: String, _ port: Int, _ flag: String) -> DoctorFinding? {
        if port == 0 { return nil }
        func finding(_ cause: String, _ remedy: String) -> DoctorFinding {
            DoctorFinding(severity: .error, subject: "\(host):\(port)", cause: cause, remedy: remedy)
        }
        guard let address = try? SocketAddress.makeAddressResolvingHost(host, port: port) else {
            return finding("The address \(host) is not known here.", "Give an address that this machine has.")
        }
        let family = address.protocol == .inet6 ? AF_INET6 : AF_INET
        let probe = Glibc.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { return nil }
        defer { close(probe) }
        // As the listeners have it: connections that have just ended are no hindrance.
        var yes: Int32 = 1
        setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let failed = address.withSockAddr { bind(probe, $0, socklen_t($1)) != 0 || listen(probe, 1) != 0 }
        guard failed else { return nil }
        switch errno {
        case EADDRINUSE:
            return finding("Another process listens there.", "Stop it, or choose another port with \(flag).")
        case EACCES:
            return finding(
                "This user may not listen there: \(systemError(errno)).", "Choose a port from 1024 on with \(flag).")
        default:
            return finding("It can't be listened on: \(systemError(errno)).", "Choose another address or port.")
        }
    }

    private static func socket(_ path: String) -> DoctorFinding? {
        func finding(_ cause: String) -> DoctorFinding {
            DoctorFinding(
                severity: .error, subject: path, cause: cause, remedy: "Choose another folder with --unix-domain-socket.")
        }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        if path.utf8.count > AdminSocket.longestPath {
            return finding("The path has \(path.utf8.count) bytes, more than the \(AdminSocket.longestPath) of a Unix socket.")
        }
        guard access(folder, W_OK | X_OK) == 0 else {
            return finding("The folder \(folder) can't be written: \(systemError(errno)).")
        }
        guard access(path, F_OK) == 0, AdminSocket.isListening(path) else { return nil }
        return finding("Another process listens there.")
    }
}
