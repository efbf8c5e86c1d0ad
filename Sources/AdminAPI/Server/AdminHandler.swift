import NIOCore
import Transport

/// Serves the admin API on one event loop: reads the request there, asks the backend in a task, answers there.
final class AdminHandler<Backend: AdminBackend>: HTTPHandler {
    /// Requests under way on one loop; an operator has a few.
    private static var mostRequests: Int { 64 }

    private let backend: Backend
    private let requests: OpenRequests

    init(backend: Backend, eventLoop: any EventLoop) {
        self.backend = backend
        requests = OpenRequests(eventLoop: eventLoop)
    }

    func handle(_ request: HTTPRequest) {
        do throws(AdminError) {
            let route = try AdminRoute(method: request.method, target: request.target)
            guard requests.count < Self.mostRequests else {
                throw AdminError(.unavailable, "The runtime has \(requests.count) requests of operators under way.")
            }
            let body = Array(request.body.readableBytesView)
            requests.answer(request) { [backend] in await route.answer(from: backend, body: body) }
        } catch {
            request.respond(.error(error))
        }
    }

    func reject(_ request: HTTPRequest, status: Int, message: String) {
        let code: AdminError.Code = status == 413 || status == 431 ? .tooLarge : status == 408 ? .timeout : .invalid
        var answer = AdminAnswer.error(AdminError(code, message))
        answer.status = status
        request.respond(answer)
    }
}

/// Serves the metrics page, whatever the path, on one event loop (Dapr: any path on the metrics port).
final class MetricsHandler<Backend: AdminBackend>: HTTPHandler {
    private let backend: Backend
    private let requests: OpenRequests

    init(backend: Backend, eventLoop: any EventLoop) {
        self.backend = backend
        requests = OpenRequests(eventLoop: eventLoop)
    }

    func handle(_ request: HTTPRequest) {
        guard request.method == "GET" || request.method == "HEAD" else {
            request.respond(
                status: 405, headers: [("allow", "GET, HEAD"), ("content-type", "text/plain; charset=utf-8")],
                body: ByteBuffer(string: "Metrics are read with GET.\n"))
            return
        }
        requests.answer(request) { [backend] in
            do {
                // Prometheus text format, the version that every scraper reads.
                let type = "text/plain; version=0.0.4; charset=utf-8"
                return AdminAnswer(
                    status: 200, headers: [("content-type", type)], body: try await backend.metricsPage())
            } catch {
                return AdminAnswer(
                    status: 500, headers: [("content-type", "text/plain; charset=utf-8")],
                    body: Array("The metrics can't be read: \(error)\n".utf8))
            }
        }
    }
}
