/// Server reflection, `grpc.reflection.v1` and `v1alpha` (gRPC: server-reflection.md).
///
/// Serves the files that it is given. Immutable, so one may be added to the routers of all event loops.
package final class ReflectionService: Sendable {
    /// `files` are serialized `google.protobuf.FileDescriptorProto`, in any order, with those that they import.
    package init(files: [[UInt8]]) {}

    /// Adds the method of both versions. `services` lists what `list_services` names; nil takes the services of the
    /// router's methods at the time of the question.
    package func add(to router: GRPCRouter, services: [String]? = nil) {}
}
