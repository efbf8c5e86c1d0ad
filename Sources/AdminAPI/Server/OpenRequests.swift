import NIOCore
import Transport

/// Requests of one event loop that wait for the control plane. Confined to that loop.
final class OpenRequests {
    private let eventLoop: any EventLoop
    private var tasks: [Int: Task<Void, Never>] = [:]
    private var lastID = 0

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// How many wait now.
    var count: Int { tasks.count }

    /// Runs `work` in a task and answers `request` with its result, on the event loop. When the caller goes, the
    /// task is cancelled.
    func answer(_ request: HTTPRequest, with work: @escaping @Sendable () async -> AdminAnswer) {
        lastID += 1
        let id = lastID
        let bound = NIOLoopBound((requests: self, request: request), eventLoop: eventLoop)
        let eventLoop = eventLoop
        tasks[id] = Task {
            let answer = await work()
            eventLoop.execute {
                let (requests, request) = bound.value
                requests.tasks[id] = nil
                request.onCancel = nil
                request.respond(answer)
            }
        }
        request.onCancel = { [weak self] _ in self?.tasks[id]?.cancel() }
    }
}

extension HTTPRequest {
    func respond(_ answer: AdminAnswer) {
        respond(
            status: answer.status, headers: answer.headers,
            body: answer.status == 204 ? nil : ByteBuffer(bytes: answer.body))
    }
}
