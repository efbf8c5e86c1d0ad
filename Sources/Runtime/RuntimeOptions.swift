/// Everything `octavo run` was asked for: plain values with the defaults of a sidecar.
///
/// The command line fills it in from flags and environment; tests fill it in directly. Nothing here has
/// been looked up yet: a folder may not exist and a port may be taken.
package struct RuntimeOptions: Sendable, Equatable {
    /// The app's identity: what other sidecars call, and the prefix of its state keys.
    package var appID: String
    /// The app beside this runtime and how to reach it.
    package var app = AppOptions()
    /// A command to start once the runtime is ready, with its arguments; empty when there is none.
    /// The runtime stops when the command ends, and returns its exit code.
    package var appCommand: [String] = []

    /// Folders and files with `Component`, `Subscription`, `Resiliency` and `HTTPEndpoint` documents, in the
    /// order given. Empty: the embedded defaults.
    package var resourcePaths: [String] = []
    /// `Configuration` files, later ones over earlier ones.
    package var configurationPaths: [String] = []
    /// Folders with plugins, in the order given; the first plugin of a name wins. Never empty.
    package var pluginFolders: [String] = []
    /// Whether a plugin is reloaded when its file changes; nil leaves it to the configuration, whose default is no.
    package var watchesPlugins: Bool?
    /// Names of plugins that run in a process of their own; `all` is every plugin, `third-party` every one that is
    /// not in a folder of `shippedPluginFolders`.
    package var isolatedPlugins: [String] = []
    /// Crashes within a minute after which an isolated plugin is only tried every 30 s; 0 is never.
    /// nil leaves it to the configuration; its default is 5.
    package var crashLoopLimit: Int?
    /// What becomes of a plugin that has crashed the runtime. nil leaves it to the configuration; its default is to isolate.
    package var onCrash: CrashReaction?
    /// Folders with the plugins that came with the runtime.
    package var shippedPluginFolders: [String] = []
    /// The program that serves isolated plugins; nil when it was not found.
    package var pluginHost: String?
    /// Where the runtime keeps what must survive it: embedded stores, staged plugins, crash reports.
    package var dataFolder: String

    /// Listeners of the wire API.
    package var api = APIOptions()
    /// TLS of the wire API's listeners, Unix sockets included; nil is plain text.
    package var tls: TLSOptions?
    /// TLS between runtimes.
    package var internalTLS = InternalTLSOptions()
    /// The metrics page.
    package var metrics = MetricsOptions()
    /// Logging.
    package var log = LogOptions()
    /// What happens between the signal to stop and the end.
    package var shutdown = ShutdownOptions()
    /// Probing of the app; nil when it is off.
    package var appHealth: AppHealthOptions?

    /// Path of the Unix socket for `octavo plugin`, `octavo status` and the others.
    package var adminSocket: String
    /// Number of event loops; nil is one for each processor.
    package var eventLoops: Int?
    /// How long an event loop looks for what comes next before it sleeps; zero is not at all.
    package var busyPoll = Duration.microseconds(100)
    /// Flags that were accepted for compatibility and change nothing, as they were written
    /// (`--placement-host-address`). The runtime says so in one log line.
    package var ignoredFlags: [String] = []

    package init(appID: String, dataFolder: String, adminSocket: String) {
        self.appID = appID
        self.dataFolder = dataFolder
        self.adminSocket = adminSocket
    }
}

/// What becomes of a plugin that has crashed the runtime.
package enum CrashReaction: String, Sendable, CaseIterable {
    /// It runs in a process of its own from the next start on.
    case isolate
    /// It is reported.
    case off
}

/// The app beside the runtime.
package struct AppOptions: Sendable, Equatable {
    /// What the app speaks.
    package enum AppProtocol: String, Sendable, CaseIterable {
        case http, https, grpc, grpcs, h2c
    }
    /// Port the app listens on; nil when it does not listen.
    package var port: Int?
    package var `protocol` = AppProtocol.http
    /// Host the app listens on, or `unix:PATH`, which needs no port.
    package var channelAddress = "127.0.0.1"
    /// PEM file of the authorities that an `https` or `grpcs` app's certificate must be of; nil takes any certificate.
    package var authorities: String?
    /// How many requests the app gets at a time; nil is no limit.
    package var maxConcurrency: Int?
    /// Whether the app is asked for its configuration and for its subscriptions.
    package var asksConfiguration = true
    package var asksSubscriptions = true
    /// For the question whether the app wants an input binding.
    package var bindingTimeout = Duration.seconds(3)

    package init() {}
}

/// Listeners and limits of the wire API.
package struct APIOptions: Sendable, Equatable {
    /// Port of the HTTP API; 0 lets the kernel choose.
    package var httpPort = 3500
    /// Port of the gRPC API; 0 lets the kernel choose.
    package var grpcPort = 50001
    /// Port for other sidecars; 0 lets the kernel choose.
    package var internalGRPCPort = 0
    /// Port with metadata and health alone; nil when there is none.
    package var publicPort: Int?
    /// Addresses that the HTTP and gRPC API listen on.
    package var listenAddresses = ["127.0.0.1"]
    /// Address that other sidecars reach.
    package var internalListenAddress = ""
    /// Address of the public port.
    package var publicListenAddress = ""
    /// Folder for Unix sockets `dapr-<app-id>-{http,grpc}.socket`, which then replace the TCP ports; nil is TCP.
    package var unixSocketFolder: String?
    /// Largest request body, bytes.
    package var maxBodySize = 4 << 20
    /// Largest request header section, bytes.
    package var readBufferSize = 4 << 10
    /// Origins for CORS; empty is off, `*` is any.
    package var allowedOrigins: [String] = []
    /// One log line a request; nil leaves it to the configuration.
    package var logRequests: Bool?

    package init() {}
}

/// Certificates of the wire API, as PEM files.
package struct TLSOptions: Sendable, Equatable {
    /// The certificate and its chain.
    package var certificate: String
    /// The private key of the certificate.
    package var privateKey: String
    /// Authorities that sign the clients' certificates; nil asks clients for none.
    package var clientAuthorities: String?

    package init(certificate: String, privateKey: String, clientAuthorities: String? = nil) {
        self.certificate = certificate
        self.privateKey = privateKey
        self.clientAuthorities = clientAuthorities
    }
}

/// Certificates between runtimes, as PEM files; what is nil says the configuration.
package struct InternalTLSOptions: Sendable, Equatable {
    /// The certificate of this runtime and its chain.
    package var certificate: String?
    /// The private key of the certificate.
    package var key: String?
    /// The roots of the runtimes that are trusted.
    package var authorities: String?

    package init() {}
}

/// The metrics page.
package struct MetricsOptions: Sendable, Equatable {
    package var enabled = true
    /// 0 lets the kernel choose.
    package var port = 9090
    package var listenAddress = "0.0.0.0"

    package init() {}
}

/// Logging.
package struct LogOptions: Sendable, Equatable {
    /// Least severe level that is written.
    package enum Level: String, Sendable, CaseIterable {
        case trace, debug, info, warning, error, critical
    }
    package var level = Level.info
    /// One JSON object a line in place of text.
    package var json = false

    package init() {}
}

/// The end of the runtime.
package struct ShutdownOptions: Sendable, Equatable {
    /// How long requests under way may take after the drain began.
    package var grace = Duration.seconds(5)
    /// How long to go on serving after the signal, unless the app becomes unhealthy earlier; nil begins to
    /// drain at once.
    package var block: Duration?

    package init() {}
}

/// Probing of the app.
package struct AppHealthOptions: Sendable, Equatable {
    /// Path of the probe for HTTP apps; gRPC apps have a method for it.
    package var path = "/healthz"
    package var interval = Duration.seconds(5)
    package var timeout = Duration.milliseconds(500)
    /// Failures in a row that make the app unhealthy.
    package var threshold = 3

    package init() {}
}
