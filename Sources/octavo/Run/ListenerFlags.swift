import Arguments
import Runtime

/// Flags of `octavo run` about the wire API.
struct ListenerFlags: ParsableArguments {
    @Option(
        name: [.long, .customShort("H")],
        help: ArgumentHelp("Port of the HTTP API; 0 asks the kernel. (default: 3500)", valueName: "port"))
    var daprHttpPort: Port?
    @Option(
        name: [.long, .customShort("G")],
        help: ArgumentHelp("Port of the gRPC API; 0 asks the kernel. (default: 50001)", valueName: "port"))
    var daprGrpcPort: Port?
    @Option(
        name: [.long, .customShort("I")],
        help: ArgumentHelp("Port for other sidecars. (default: one from the kernel)", valueName: "port"))
    var daprInternalGrpcPort: Port?
    @Option(help: ArgumentHelp("Port with health and metadata alone. (default: none)", valueName: "port"))
    var daprPublicPort: Port?
    @Option(help: ArgumentHelp("Addresses of the API, with commas. (default: 127.0.0.1)", valueName: "addresses"))
    var daprListenAddresses: String?
    @Option(help: ArgumentHelp("Address that other sidecars reach. (default: all with certificates, else 127.0.0.1)", valueName: "address"))
    var daprInternalGrpcListenAddress = ""
    @Option(help: ArgumentHelp("Address of the public port. (default: all)", valueName: "address"))
    var daprPublicListenAddress = ""
    @Option(
        name: [.long, .customShort("u")],
        help: ArgumentHelp("Folder for Unix sockets, which then replace the ports of the API.", valueName: "folder"))
    var unixDomainSocket: String?
    @Option(help: ArgumentHelp("Largest request body. (default: 4Mi)", valueName: "size"))
    var maxBodySize: ByteSize?
    @Option(help: ArgumentHelp("Largest request header section. (default: 4Ki)", valueName: "size"))
    var readBufferSize: ByteSize?
    @Option(help: ArgumentHelp("Origins that browsers may call from, with commas; * is any.", valueName: "origins"))
    var allowedOrigins: String?
    @Option(help: ArgumentHelp("Certificate chain of the API, PEM.", valueName: "file"))
    var tlsCert: String?
    @Option(help: ArgumentHelp("Private key of the certificate, PEM.", valueName: "file"))
    var tlsKey: String?
    @Option(help: ArgumentHelp("Authorities of the clients' certificates, PEM. Demands one.", valueName: "file"))
    var tlsClientCa: String?

    @Option(help: ArgumentHelp("Certificate chain of this runtime for other runtimes, PEM. (default: $OCTAVO_TLS_INTERNAL_CERT)", valueName: "file"))
    var tlsInternalCert: String?
    @Option(help: ArgumentHelp("Private key of that certificate, PEM. (default: $OCTAVO_TLS_INTERNAL_KEY)", valueName: "file"))
    var tlsInternalKey: String?
    @Option(help: ArgumentHelp("Trusted roots of other runtimes, PEM. (default: $OCTAVO_TLS_INTERNAL_CA)", valueName: "file"))
    var tlsInternalCa: String?

    func apply(to options: inout RuntimeOptions) throws {
        if let port = daprHttpPort?.number { options.api.httpPort = port }
        if let port = daprGrpcPort?.number { options.api.grpcPort = port }
        if let port = daprInternalGrpcPort?.number { options.api.internalGRPCPort = port }
        options.api.publicPort = daprPublicPort?.number
        if let daprListenAddresses, case let addresses = Self.list(daprListenAddresses), !addresses.isEmpty {
            options.api.listenAddresses = addresses
        }
        options.api.internalListenAddress = daprInternalGrpcListenAddress
        options.api.publicListenAddress = daprPublicListenAddress
        options.api.unixSocketFolder = unixDomainSocket.flatMap { $0.isEmpty ? nil : $0 }
        options.api.allowedOrigins = Self.list(allowedOrigins ?? "")
        options.api.maxBodySize = try Self.atLeast(1, maxBodySize, "--max-body-size") ?? options.api.maxBodySize
        options.api.readBufferSize =
            try Self.atLeast(1_024, readBufferSize, "--read-buffer-size") ?? options.api.readBufferSize
        options.tls = try tls()
        options.internalTLS.certificate = Self.file(tlsInternalCert, "OCTAVO_TLS_INTERNAL_CERT")
        options.internalTLS.key = Self.file(tlsInternalKey, "OCTAVO_TLS_INTERNAL_KEY")
        options.internalTLS.authorities = Self.file(tlsInternalCa, "OCTAVO_TLS_INTERNAL_CA")
        try checkPortsDiffer(options.api)
    }

    private static func file(_ flag: String?, _ variable: String) -> String? {
        (flag ?? Environment.variable(variable)).flatMap { $0.isEmpty ? nil : $0 }
    }

    private func tls() throws -> TLSOptions? {
        switch (tlsCert, tlsKey) {
        case (nil, nil):
            guard tlsClientCa == nil else {
                throw ValidationError("--tls-client-ca needs --tls-cert and --tls-key.")
            }
            return nil
        case (let certificate?, let key?):
            return TLSOptions(certificate: certificate, privateKey: key, clientAuthorities: tlsClientCa)
        case (nil, _): throw ValidationError("--tls-key needs --tls-cert with the certificate of the key.")
        case (_, nil): throw ValidationError("--tls-cert needs --tls-key with the key of the certificate.")
        }
    }

    private func checkPortsDiffer(_ api: APIOptions) throws {
        guard api.unixSocketFolder == nil else { return }
        if api.httpPort == api.grpcPort, api.httpPort != 0 {
            throw ValidationError(
                "--dapr-http-port and --dapr-grpc-port are both \(api.httpPort). Give each a port of its own.")
        }
    }

    private static func atLeast(_ least: Int, _ size: ByteSize?, _ flag: String) throws -> Int? {
        guard let size else { return nil }
        guard size.bytes >= least else {
            throw ValidationError("\(flag) is \(size.bytes) bytes; the least is \(least).")
        }
        return size.bytes
    }

    private static func list(_ text: String) -> [String] {
        text.split { $0 == "," || $0 == " " }.map(String.init)
    }
}
