import PluginKit

/// The component's metadata, as it is written.
struct Settings {
    let configurationPath: String?
    let accountFolder: String
    let namespace: [UInt8]

    init(_ config: Config) throws(PluginError) {
        configurationPath = config.string("kubeconfigPath")
        accountFolder = config.string("serviceAccountPath") ?? ""
        namespace = config.text("defaultNamespace").array
        guard namespace.isEmpty || KubernetesName.isLabel(namespace) else {
            throw .invalid("defaultNamespace is no name that a namespace can have.")
        }
    }

    static var fields: [Field] {
        [
            .string(
                "defaultNamespace", example: "production",
                "Namespace of the secrets when a request names none; otherwise that of NAMESPACE in the environment, of the pod, or of the kubeconfig."),
            .string(
                "kubeconfigPath",
                "A kubeconfig file; otherwise the pod's service account, or outside of a pod the file of KUBECONFIG or ~/.kube/config."),
            .string(
                "serviceAccountPath", default: "/var/run/secrets/kubernetes.io/serviceaccount",
                "Folder of the service account: token, ca.crt and namespace. Not among Dapr's."),
        ]
    }
}

/// Names as Kubernetes has them.
enum KubernetesName {
    /// Small letters, digits and - , 63 at most: a namespace.
    static func isLabel(_ name: [UInt8]) -> Bool { name.count <= 63 && !name.contains(0x2E) && isSubdomain(name) }

    /// Labels with points between them, 253 letters at most: a secret.
    static func isSubdomain(_ name: [UInt8]) -> Bool {
        guard !name.isEmpty, name.count <= 253 else { return false }
        func isPlain(_ byte: UInt8?) -> Bool {
            guard let byte else { return false }
            return byte >= 0x61 && byte <= 0x7A || byte >= 0x30 && byte <= 0x39
        }
        for part in name.split(separator: 0x2E, omittingEmptySubsequences: false) {
            guard isPlain(part.first), isPlain(part.last), part.allSatisfy({ isPlain($0) || $0 == 0x2D }) else { return false }
        }
        return true
    }
}
