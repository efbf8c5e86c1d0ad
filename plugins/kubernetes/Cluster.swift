import PluginHTTP
import PluginKit

/// Where the cluster is, and who we are there.
struct Cluster {
    /// "https://host:port", without a slash at its end.
    var address = ""
    var token = HTTPToken.none
    /// What the place itself says of it; empty: nothing.
    var namespace: [UInt8] = []
    var http = HTTPOptions()

    /// By the kubeconfig that is named, else by the pod's service account, else by the usual kubeconfig. Reads files.
    static func find(_ settings: Settings) throws(PluginError) -> Cluster {
        var cluster: Cluster
        if let path = settings.configurationPath {
            cluster = try KubeConfig.read(path)
        } else if let pod = try ofPod(settings.accountFolder) {
            cluster = pod
        } else if let path = environment("KUBECONFIG") {
            cluster = try KubeConfig.read(String(decoding: path.prefix { $0 != 0x3A }, as: UTF8.self))
        } else if let home = environment("HOME"), let path = existing(home) {
            cluster = try KubeConfig.read(path)
        } else {
            throw PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION,
                "There is neither a pod's service account (\(settings.accountFolder)) nor a kubeconfig. Set kubeconfigPath, or mount the account.")
        }
        if !settings.namespace.isEmpty {
            cluster.namespace = settings.namespace
        } else if let named = environment("NAMESPACE") {
            cluster.namespace = named
        }
        return cluster
    }

    private static func existing(_ home: [UInt8]) -> String? {
        let path = String(decoding: home, as: UTF8.self) + "/.kube/config"
        return path.withCString { access($0, R_OK) } == 0 ? path : nil
    }

    /// `nil`: this is no pod.
    private static func ofPod(_ folder: String) throws(PluginError) -> Cluster? {
        let token = folder + "/token", authority = folder + "/ca.crt"
        guard token.withCString({ access($0, F_OK) }) == 0 else { return nil }
        // A process that sees no variables finds the cluster by its name.
        let host = environment("KUBERNETES_SERVICE_HOST") ?? Array("kubernetes.default.svc".utf8)
        let port = environment("KUBERNETES_SERVICE_PORT_HTTPS") ?? environment("KUBERNETES_SERVICE_PORT") ?? Array("443".utf8)
        var cluster = Cluster()
        let text = String(decoding: host, as: UTF8.self)
        cluster.address = "https://" + (host.contains(0x3A) ? "[" + text + "]" : text) + ":" + String(decoding: port, as: UTF8.self)
        cluster.token = .file(FileText(token, what: "token of the service account", hint: "Check serviceAccountPath."))
        if authority.withCString({ access($0, F_OK) }) == 0 { cluster.http.tls.authority = authority }
        let place = (folder + "/namespace").utf8.map { CChar(bitPattern: $0) } + [0]
        do throws(PluginError) {
            cluster.namespace = try SmallFile.read(place, what: "namespace", limit: 4096, hint: "").filter { $0 > 0x20 }
        } catch {}
        return cluster
    }

    /// `nil` when it is not set, or empty.
    static func environment(_ name: StaticString) -> [UInt8]? {
        guard let value = getenv(UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)), value.pointee != 0 else { return nil }
        return [UInt8](UnsafeRawBufferPointer(start: value, count: strlen(value)))
    }
}
