/// Who answers on one event loop. Made once for each event loop by the factory given to `Server.bind`, on that loop;
/// never leaves it.
package struct LoopApplication {
    /// Answers gRPC: HTTP/2 requests whose content type starts with `application/grpc`.
    package var grpc: GRPCRouter
    /// Answers everything else.
    package var http: any HTTPHandler

    package init(grpc: GRPCRouter, http: any HTTPHandler) {
        self.grpc = grpc
        self.http = http
    }
}
