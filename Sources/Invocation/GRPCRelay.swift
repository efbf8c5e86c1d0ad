import NIOCore
import Tracing
package import Transport

/// Where a relayed call goes.
protocol GRPCRelayRoute: AnyObject {
    func open(_ done: @escaping (Result<HTTPClient, InvocationFailure>) -> Void)
    /// The call has ended so; called once, if `open` gave a client.
    func close(_ error: ClientError?)
    func metadata(_ call: GRPCCall) -> HeaderFields
    /// What is waited for once it is sent.
    var stage: Stage { get }
}

extension GRPCRelayRoute {
    var stage: Stage { .peer }
}

/// Takes one gRPC call of any shape to another place, message by message, and what comes back the same way. Each side reads
/// as fast as the other one takes.
final class GRPCRelay: GRPCStreamReceiver {
    private let call: GRPCCall
    private let route: any GRPCRelayRoute
    private var upstream: GRPCClientCall?
    /// What came before there was a place to go: one message at most.
    private var first: [UInt8]?
    private var hasEnded = false
    private var isClosed = false

    init(_ call: GRPCCall, _ route: any GRPCRelayRoute) {
        self.call = call
        self.route = route
    }

    func start() {
        call.activity?.live?.move(to: .waiting)
        route.open { [self] result in
            guard !isClosed else { return }
            switch result {
            case .success(let client): begin(client)
            case .failure(let failure):
                isClosed = true
                call.fail(failure.grpcStatus)
            }
        }
    }

    private func begin(_ client: HTTPClient) {
        let left = call.deadline.map { Duration.nanoseconds(max(($0 - .now()).nanoseconds, 1)) }
        let made = GRPCClientCall(
            streaming: call.path, fields: route.metadata(call), timeout: left, receiver: Answer(self))
        upstream = made
        call.activity?.live?.move(to: route.stage)
        client.start(made)
        if let first {
            self.first = nil
            if first.withUnsafeBytes({ made.send($0) }) { call.requestMore(1) }
        }
        if hasEnded { made.finishSending() }
    }

    // MARK: From the caller

    func receive(_ message: UnsafeRawBufferPointer) {
        guard let upstream else {
            first = Array(message)
            return
        }
        if upstream.send(message) { call.requestMore(1) }
    }

    func end() {
        hasEnded = true
        upstream?.finishSending()
    }

    func writable() { upstream?.requestMore(1) }

    func cancelled(_ reason: GRPCCancelReason) {
        upstream?.cancel()
        close(nil)
    }

    // MARK: From the callee

    private final class Answer: GRPCClientReceiver {
        private let relay: GRPCRelay

        init(_ relay: GRPCRelay) { self.relay = relay }

        func receive(metadata: HeaderFields) { relay.answer(metadata) }
        func receive(_ message: UnsafeRawBufferPointer) { relay.answer(message) }
        func writable() { relay.call.requestMore(1) }
        func ended(_ status: GRPCStatus, trailers: HeaderFields) { relay.answered(status, trailers) }
    }

    private func answer(_ metadata: HeaderFields) {
        call.addInitialMetadata(ForwardedFields.answer(metadata))
        call.sendInitialMetadata()
    }

    private func answer(_ message: UnsafeRawBufferPointer) {
        if call.send(message) { upstream?.requestMore(1) }
    }

    private func answered(_ status: GRPCStatus, _ trailers: HeaderFields) {
        call.activity?.live?.move(to: .answered)
        let error = upstream?.failure
        call.addTrailingMetadata(ForwardedFields.answer(trailers))
        if status.code == .ok { call.finish() } else { call.fail(status) }
        close(error)
    }

    private func close(_ error: ClientError?) {
        guard !isClosed else { return }
        isClosed = true
        let isOpen = upstream != nil
        upstream = nil
        if isOpen { route.close(error) }
    }
}

extension InvocationFailure {
    package var grpcStatus: GRPCStatus {
        let code: GRPCCode =
            switch self {
            case .noTarget, .badTarget: .invalidArgument
            case .denied: .permissionDenied
            case .unresolved, .unreachable: .unavailable
            case .noAppChannel: .failedPrecondition
            case .overloaded: .resourceExhausted
            case .timeout: .deadlineExceeded
            }
        return GRPCStatus(code, message)
    }
}
