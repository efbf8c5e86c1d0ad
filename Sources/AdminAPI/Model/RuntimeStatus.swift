/// The runtime as a whole: `GET /v1/status`.
package struct RuntimeStatus: Sendable, Equatable, Codable {
    package var appID: String
    package var version: String
    package var processID: Int
    package var uptimeSeconds: Double
    /// Whether the runtime answers apps; the same as its readiness probe.
    package var ready: Bool
    /// Why it is not ready, one sentence each; empty when it is.
    package var notReadyReasons: [String]
    /// What it listens on, with the ports the kernel chose.
    package var addresses: [ListenAddress]
    /// The app beside it; nil when it has none.
    package var app: AppStatus?
    package var eventLoops: Int
    package var residentBytes: Int64
    package var openDescriptors: Int
    package var openConnections: Int
    package var pluginCount: Int
    package var componentCount: Int
    package var failedComponentCount: Int
    /// Calls to components since the start, and those that failed.
    package var calls: Int64
    package var errors: Int64
    package var dataFolder: String
    package var pluginFolders: [String]
    /// What is wrong with the resource files, one sentence each; nil from a runtime that does not tell.
    package var resourceProblems: [String]?

    package init(
        appID: String, version: String, processID: Int, uptimeSeconds: Double, ready: Bool,
        notReadyReasons: [String] = [], addresses: [ListenAddress] = [], app: AppStatus? = nil, eventLoops: Int,
        residentBytes: Int64 = 0, openDescriptors: Int = 0, openConnections: Int = 0, pluginCount: Int = 0,
        componentCount: Int = 0, failedComponentCount: Int = 0, calls: Int64 = 0, errors: Int64 = 0,
        dataFolder: String, pluginFolders: [String], resourceProblems: [String]? = nil
    ) {
        self.resourceProblems = resourceProblems
        self.appID = appID
        self.version = version
        self.processID = processID
        self.uptimeSeconds = uptimeSeconds
        self.ready = ready
        self.notReadyReasons = notReadyReasons
        self.addresses = addresses
        self.app = app
        self.eventLoops = eventLoops
        self.residentBytes = residentBytes
        self.openDescriptors = openDescriptors
        self.openConnections = openConnections
        self.pluginCount = pluginCount
        self.componentCount = componentCount
        self.failedComponentCount = failedComponentCount
        self.calls = calls
        self.errors = errors
        self.dataFolder = dataFolder
        self.pluginFolders = pluginFolders
    }

    private enum CodingKeys: String, CodingKey {
        case appID = "appId"
        case version
        case processID = "processId"
        case uptimeSeconds, ready, notReadyReasons, addresses, app, eventLoops, residentBytes, openDescriptors
        case openConnections, pluginCount, componentCount, failedComponentCount, calls, errors, dataFolder
        case pluginFolders, resourceProblems
    }
}

/// One listener.
package struct ListenAddress: Sendable, Equatable, Codable {
    /// What it serves: `http`, `grpc`, `internal-grpc`, `public`, `metrics`, `admin`.
    package var purpose: String
    /// `127.0.0.1:3500`, `[::1]:3500` or the path of a Unix socket.
    package var address: String

    package init(purpose: String, address: String) {
        self.purpose = purpose
        self.address = address
    }
}

/// The app beside the runtime.
package struct AppStatus: Sendable, Equatable, Codable {
    /// `http://127.0.0.1:8080`; nil when it does not listen.
    package var address: String?
    package var healthy: Bool
    /// Why it is not healthy.
    package var reason: String?
    /// The process, when the runtime started it.
    package var processID: Int?

    package init(address: String?, healthy: Bool, reason: String? = nil, processID: Int? = nil) {
        self.address = address
        self.healthy = healthy
        self.reason = reason
        self.processID = processID
    }

    private enum CodingKeys: String, CodingKey {
        case address, healthy, reason
        case processID = "processId"
    }
}
