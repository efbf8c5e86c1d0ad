import Components
import Governance
import NIOCore
import Transport

/// Takes an idempotent HTTP request to another app twice, or more often, when the first answer is long in coming: at other instances, and
/// the first good answer counts. Request and answer are kept whole meanwhile.
final class HedgedRelay: HTTPBodyReceiver {
    private let request: HTTPRequest
    private let path: String
    private let loop: InvocationLoop
    private let name: AppName
    private let governor: Governor
    private let rule: HedgePolicy
    private let fail: (HTTPRequest, InvocationFailure) -> Void
    /// Of the first try.
    private var passage: Passage?
    private var body = ByteBuffer()
    private var tries: [(attempt: UnaryAttempt, route: PeerCall)] = []
    private var running = 0
    private var isOver = false
    private var timer: Scheduled<Void>?
    private let deadline: NIODeadline?

    private static let bodyLimit = 64 << 10

    /// nil for a request that is not idempotent (RFC 9110 §9.2.2), or whose body is not kept.
    init?(
        _ request: HTTPRequest, path: String, to name: AppName, _ loop: InvocationLoop, _ governor: Governor, _ passage: Passage?,
        fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) {
        guard let rule = governor.policy.hedge?.value, ["GET", "PUT", "DELETE", "OPTIONS"].contains(request.method) else { return nil }
        if request.expectsBody {
            guard let length = request.headers["content-length" as StaticString].flatMap({ Int($0) }), length <= Self.bodyLimit else { return nil }
        }
        self.request = request
        self.path = path
        self.loop = loop
        self.name = name
        self.governor = governor
        self.rule = rule
        self.passage = passage
        self.fail = fail
        deadline = CallTime.deadline(request.headers)
        request.onCancel = { [weak self] _ in self?.over() }
    }

    func receive(_ bytes: ByteBuffer) {
        body.writeImmutableBuffer(bytes)
        request.requestMore()
    }

    func end() { begin() }

    private func begin() {
        let route = PeerCall(loop, name, avoiding: tries.compactMap(\.route.peer))
        let invocation = UnaryInvocation(
            method: request.method, path: path, fields: PeerRoute(loop, name).fields(request).pairs, body: body,
            timeout: CallTime.left(until: deadline, nil))
        let way = passage ?? Passage(governor, app: name, eventLoop: request.eventLoop, isFirst: false)
        passage = nil
        let attempt = UnaryAttempt(way, request.eventLoop, name, invocation, route) { [self] in ended($0) }
        tries.append((attempt, route))
        running += 1
        if tries.count < rule.maxAttempts {
            timer = request.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(rule.delay.nanoseconds)) { [self] in
                timer = nil
                guard !isOver, governor.mayHedge(now: monotonicNanoseconds()) else { return }
                request.activity?.live?.triesBeside()
                begin()
            }
        }
        attempt.begin()
    }

    private func ended(_ result: Result<UnaryInvocation.Answer, InvocationFailure>) {
        guard !isOver else { return }
        running -= 1
        if running > 0 {
            // Another one may do better.
            guard case .success(let answer) = result, answer.status < 500 else { return }
        }
        over()
        switch result {
        case .failure(let failure): fail(request, failure)
        case .success(let answer):
            request.respond(status: answer.status, headers: answer.fields.filter { $0.0 != "content-length" }, body: answer.body)
        }
    }

    /// Nobody wants an answer any more.
    private func over() {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        timer = nil
        for one in tries {
            one.attempt.cancel()
            one.route.cancel()
        }
        tries = []
    }
}
