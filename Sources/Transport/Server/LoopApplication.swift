/// Who answers on one event loop. Made once for each event loop by the factory given to `Server.bind`, on that loop;
/// never leaves it.
package struct LoopApplication {
    /// Answers gRPC: HTTP/2 requests whose content type starts with `application/grpc`.
    package var grpc: GRPCRouter
    /// Answers everything else.
    package var http: any HTTPHandler

    /// Keeps the loop awake for what comes next; nil: it sleeps at once.
    package var busyPoll: BusyPoll?

    package init(grpc: GRPCRouter, http: any HTTPHandler, busyPoll: BusyPoll? = nil) {
        self.grpc = grpc
        self.http = http
        self.busyPoll = busyPoll
    }
}
