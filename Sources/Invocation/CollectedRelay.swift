import JSONText
import NIOCore
import Transport

/// Takes an HTTP request to a gRPC app, which gets it whole, as one message.
final class CollectedRelay: HTTPBodyReceiver {
    private let request: HTTPRequest
    private let path: String
    private let fields: [(String, String)]
    private let loop: InvocationLoop
    private let fail: (HTTPRequest, InvocationFailure) -> Void
    private var body = ByteBuffer()
    private var isRefused = false

    /// As the largest message that a runtime takes by itself.
    private static let limit = 4 << 20

    init(
        _ request: HTTPRequest, path: String, fields: [(String, String)], loop: InvocationLoop,
        fail: @escaping (HTTPRequest, InvocationFailure) -> Void
    ) {
        self.request = request
        self.path = path
        self.fields = fields
        self.loop = loop
        self.fail = fail
    }

    func receive(_ bytes: ByteBuffer) {
        guard !isRefused else { return request.requestMore() }
        guard body.readableBytes + bytes.readableBytes <= Self.limit, request.hold(bytes.readableBytes) else {
            isRefused = true
            return fail(request, .overloaded(app: loop.appID, cause: "a gRPC app is called with at most \(Self.limit) bytes"))
        }
        body.writeImmutableBuffer(bytes)
        request.requestMore()
    }

    func end() {
        guard !isRefused else { return }
        let wantsStatus = fields.contains { $0.0 == StatusFields.wish }
        let invocation = UnaryInvocation(
            method: request.method, path: path, fields: fields.filter { $0.0 != StatusFields.wish }, body: body)
        loop.callOwn(invocation) { [request, fail] result in
            switch result {
            case .failure(let failure): fail(request, failure)
            case .success(let answer):
                guard let status = answer.grpc else {
                    return request.respond(status: answer.status, headers: answer.fields, body: answer.body)
                }
                let fields = wantsStatus ? StatusFields.fields(status) : []
                request.respond(
                    status: status.code.httpStatus, headers: [("content-type", "application/json")] + fields,
                    body: ByteBuffer(bytes: Self.json(status)))
            }
        }
    }

    /// The JSON form of a gRPC status, as Dapr answers HTTP callers of gRPC apps.
    private static func json(_ status: GRPCStatus) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("code")
        writer.integer(status.code.rawValue)
        writer.member("message", status.message)
        writer.name("details")
        writer.beginArray()
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}

extension GRPCCode {
    /// Source: the mapping of Dapr's runtime.
    package var httpStatus: Int {
        switch self {
        case .ok: 200
        case .cancelled: 408
        case .invalidArgument, .failedPrecondition, .outOfRange: 400
        case .deadlineExceeded: 504
        case .notFound: 404
        case .alreadyExists, .aborted: 409
        case .permissionDenied: 403
        case .unauthenticated: 401
        case .resourceExhausted: 429
        case .unimplemented: 501
        case .unavailable: 503
        default: 500
        }
    }

    /// Source: the same; that 400 is INTERNAL is meant so.
    package init(httpStatus: Int) {
        switch httpStatus {
        case 200..<300: self = .ok
        case 400: self = .internal
        case 401: self = .unauthenticated
        case 403: self = .permissionDenied
        case 404: self = .notFound
        case 408: self = .cancelled
        case 409: self = .alreadyExists
        case 429: self = .resourceExhausted
        case 501: self = .unimplemented
        case 503: self = .unavailable
        case 504: self = .deadlineExceeded
        default: self = .unknown
        }
    }
}
