import Governance
import NIOCore
import Tracing
package import Transport

/// Where a relayed call goes.
protocol GRPCRelayRoute: AnyObject {
    /// What `open` would give at once; nil: it is not known yet, and `open` is to be called.
    func openNow() -> HTTPClient?
    func open(_ done: @escaping (Result<HTTPClient, InvocationFailure>) -> Void)
    /// The call has ended so, or nobody wants to know; called once for each client that `open` gave.
    func close(_ error: ClientError?, _ status: GRPCCode?)
    /// It goes out once more, later.
    func again()
    /// Appends what the callee is told of `call`.
    func appendMetadata(_ call: GRPCCall, to fields: inout HeaderFields)
    /// What is waited for once it is sent.
    var stage: Stage { get }
}

extension GRPCRelayRoute {
    var stage: Stage { .peer }
}

extension GRPCRelayRoute {
    func openNow() -> HTTPClient? { nil }
    func again() {}
}

/// Takes one gRPC call of any shape to another place, message by message, and what comes back the same way. Each side reads
/// as fast as the other one takes.
///
/// By the policies of a `Passage` a call with one small message, of which nothing has been answered yet, is tried again.
final class GRPCRelay: GRPCStreamReceiver, GRPCClientReceiver {
    private let call: GRPCCall
    private let route: any GRPCRelayRoute
    private var passage: Passage?
    private var upstream: GRPCClientCall?
    /// The first message, if it came while there was no place to go: until there is one, and longer when the call may go out again.
    private var first: [UInt8]?
    /// What another call was given that nobody has seen, for the next one; `first` is in it then.
    private var kept: ByteBuffer?
    private var messages = 0
    /// One more that came while there was no place to go again.
    private var second: [UInt8]?
    private var hasAskedForMore = false
    /// It is the only one so far, and kept.
    private var isReplayable: Bool
    /// The answer has begun, and is not passed on while it is not certain to be the one.
    private var isHeld = false
    private var hasEnded = false
    private var isAnswered = false
    private var isClosed = false
    /// Somebody takes the call: messages go out. Before that the first ones wait here.
    private var isTaken = false
    /// Instances that have been asked while nobody took the call, and what the last of them gave as the cause.
    private var asked = 0
    private var lastStatus: GRPCStatus?
    private static let askedLimit = 3
    /// What the policy allows until the answer begins; nil: nothing less than the caller does.
    private var limit: Duration?

    /// A message up to this size is kept.
    private static let keptLimit = 64 << 10

    init(_ call: GRPCCall, _ route: any GRPCRelayRoute, passage: Passage? = nil) {
        self.call = call
        self.route = route
        self.passage = passage
        isReplayable = passage?.mayRetry ?? false
    }

    func start() {
        guard let passage, !passage.enterAtOnce() else { return open() }
        passage.enter { [self] refusal in
            guard !isClosed else { return }
            if let refusal { refuse(refusal) } else { open() }
        }
    }

    private func open() {
        if let client = route.openNow() { return begin(client) }
        call.activity?.live?.move(to: .waiting)
        route.open { [self] result in
            guard !isClosed else { return }
            switch result {
            case .success(let client): begin(client)
            case .failure(let failure):
                passage?.leave(.none)
                if again(.none) { return }
                refuse(failure, as: lastStatus)
            }
        }
    }

    /// `status`: what an earlier instance said, which is closer to the cause.
    private func refuse(_ failure: InvocationFailure, as status: GRPCStatus? = nil) {
        isClosed = true
        Passage.end(&passage)
        if let time = failure.retryAfter { call.addTrailingMetadata("retry-after", "\(time)") }
        call.fail(status ?? failure.grpcStatus)
    }

    private func begin(_ client: HTTPClient) {
        let now = NIODeadline.now()
        let left = call.deadline.map { Duration.nanoseconds(max(($0 - now).nanoseconds, 1)) }
        asked += 1
        isTaken = false
        // A stream may be open for long: a try has its time until the answer begins.
        limit = passage?.timeout.flatMap { limit in left.map { limit < $0 } ?? true ? limit : nil }
        let made = GRPCClientCall(
            streaming: call.path, timeout: limit ?? left, receiver: self)
        if limit != nil { made.toldTime = .other(left) }
        made.keepsSent = isReplayable
        upstream = made
        call.activity?.live?.move(to: route.stage, at: now.uptimeNanoseconds)
        client.start(made, now: now)
    }

    /// Messages may go out, those that have waited first.
    private func taken(by made: GRPCClientCall) {
        isTaken = true
        if let first {
            if !isReplayable { self.first = nil }
            if first.withUnsafeBytes({ made.send($0) }), !hasAskedForMore {
                hasAskedForMore = true
                call.requestMore(1)
            }
        }
        if let kept {
            self.kept = nil
            made.send(again: kept)
        }
        if let second {
            self.second = nil
            if second.withUnsafeBytes({ made.send($0) }) { call.requestMore(1) }
        }
        if hasEnded { made.finishSending() }
    }

    // MARK: From the caller

    func receive(_ message: UnsafeRawBufferPointer) {
        messages += 1
        if messages > 1 || message.count > Self.keptLimit {
            isReplayable = false
            upstream?.keepsSent = false
        }
        guard let upstream, isTaken else {
            if first == nil, kept == nil { first = Array(message) } else { second = Array(message) }
            return
        }
        hasAskedForMore = true
        if upstream.send(message) { call.requestMore(1) }
    }

    func end() {
        hasEnded = true
        if isTaken { upstream?.finishSending() }
    }

    func writable() { upstream?.requestMore(1) }

    func cancelled(_ reason: GRPCCancelReason) {
        upstream?.cancel()
        close(nil, nil)
    }

    // MARK: From the callee

    // A try that has been let go of has ended: nothing more comes of it.

    func appendMetadata(to fields: inout HeaderFields) { route.appendMetadata(call, to: &fields) }
    func started() { if let upstream { taken(by: upstream) } }
    func receive(metadata: HeaderFields) { if !isClosed { answer(metadata) } }
    func receive(reply: UnsafeRawBufferPointer) { if !isClosed { answer(reply) } }
    func maySend() { if !isClosed { call.requestMore(1) } }
    func ended(_ status: GRPCStatus, trailers: HeaderFields) { if !isClosed { answered(status, trailers) } }

    private func answer(_ metadata: HeaderFields) {
        // As long as the call may go out again nothing of an answer is passed on.
        call.addInitialMetadata { ForwardedFields.append(answer: metadata, to: &$0) }
        if isReplayable, hasEnded { isHeld = true } else { beginAnswer() }
    }

    private func beginAnswer() {
        isAnswered = true
        isReplayable = false
        lift()
        first = nil
        isHeld = false
        call.sendInitialMetadata()
    }

    private func answer(_ message: UnsafeRawBufferPointer) {
        if isHeld { beginAnswer() }
        isAnswered = true
        isReplayable = false
        lift()
        if call.send(message) { upstream?.requestMore(1) }
    }

    private func answered(_ status: GRPCStatus, _ trailers: HeaderFields) {
        call.activity?.live?.move(to: .answered)
        let error = upstream?.failure
        if let limit, !isAnswered, error?.kind == .timeout { return timedOut(limit) }
        if let error, !error.mayHaveBeenSeen, asked < Self.askedLimit, status.code != .deadlineExceeded, hasAllMessages() {
            // Nobody has seen it: it may go elsewhere.
            lastStatus = status
            upstream = nil
            route.close(error, status.code)
            return open()
        }
        passage?.leave(.grpc(status.code.rawValue), timedOut: status.code == .deadlineExceeded)
        if status.code != .ok, again(.grpc(status.code.rawValue), error, status.code) { return }
        if isHeld { beginAnswer() }
        call.addTrailingMetadata { ForwardedFields.append(answer: trailers, to: &$0) }
        if status.code == .ok { call.finish() } else { call.fail(status) }
        close(error, status.code)
    }

    /// Whether what has come of the call is here, if need be taken back from whom it was given to.
    private func hasAllMessages() -> Bool {
        guard isTaken else { return true }
        guard let given = upstream?.given else { return false }
        first = nil
        kept = given
        return true
    }

    /// From here on the call has what its caller allows.
    private func lift() {
        guard limit != nil else { return }
        limit = nil
        upstream?.allow(call.deadline.map { Duration.nanoseconds(max(($0 - .now()).nanoseconds, 1)) })
    }

    private func timedOut(_ timeout: Duration) {
        passage?.leave(.grpc(GRPCCode.deadlineExceeded.rawValue), timedOut: true)
        if again(.grpc(GRPCCode.deadlineExceeded.rawValue), nil, .deadlineExceeded) { return }
        if isHeld { call.removeInitialMetadata() }
        call.fail(
            InvocationFailure.timeout(app: passage?.app ?? "", cause: "nothing came within \(timeout), which its policy allows").grpcStatus)
        close(nil, .deadlineExceeded)
    }

    /// Lets go of this try and begins another after a pause, or gives false and has done nothing.
    private func again(_ status: CallStatus, _ error: ClientError? = nil, _ code: GRPCCode? = nil) -> Bool {
        guard isReplayable, !isAnswered, let passage, passage.retry(after: status, before: call.deadline, { [self] in start() })
        else { return false }
        if isHeld { call.removeInitialMetadata() }
        isHeld = false
        asked = 0
        let isOpen = upstream != nil
        if first == nil { kept = upstream?.sent }
        upstream = nil
        if isOpen { route.close(error, code) }
        route.again()
        return true
    }

    private func close(_ error: ClientError?, _ status: GRPCCode?) {
        guard !isClosed else { return }
        isClosed = true
        let isOpen = upstream != nil
        upstream = nil
        Passage.end(&passage)
        if isOpen { route.close(error, status) }
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
            case .noWebSocket: .unimplemented
            case .overloaded: .resourceExhausted
            case .timeout: .deadlineExceeded
            case .breakerOpen: .unavailable
            case .rateLimited: .resourceExhausted
            case .fault(_, _, let code): GRPCCode(rawValue: code) ?? .unavailable
            }
        return GRPCStatus(code, message)
    }
}
