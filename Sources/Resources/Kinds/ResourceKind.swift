/// The kinds of documents that Dapr reads, and the versions it reads them in.
package enum ResourceKind: String, Sendable, CaseIterable {
    case component = "Component"
    case configuration = "Configuration"
    case subscription = "Subscription"
    case resiliency = "Resiliency"
    case httpEndpoint = "HTTPEndpoint"
    case mcpServer = "MCPServer"
    case workflowAccessPolicy = "WorkflowAccessPolicy"

    static let group = "dapr.io/"

    /// The `apiVersion`s of the kind, the usual one first.
    package var apiVersions: [String] {
        self == .subscription ? ["dapr.io/v2alpha1", "dapr.io/v1alpha1"] : ["dapr.io/v1alpha1"]
    }
}
