/// Finds who answers a gRPC call by its path. Confined to one event loop: made and used there.
///
/// Methods are added before the first call; adding later is allowed and holds for calls that start afterwards.
package final class GRPCRouter {
    /// Answers a unary call. The message is decompressed and valid until the handler returns; the handler may
    /// keep the call and answer later, on the same event loop.
    package typealias UnaryHandler = (_ call: GRPCCall, _ message: UnsafeRawBufferPointer) -> Void
    /// Takes a streaming call. Called when the headers are in, before the first message.
    package typealias StreamHandler = (_ call: GRPCCall) -> any GRPCStreamReceiver

    /// Runs before every call that goes on to a method or to `fallback`; a status ends the call.
    package var intercept: ((_ call: GRPCCall) -> GRPCStatus?)?
    /// Takes calls of methods that nobody added. Without it, or when it returns nil, the caller gets
    /// `UNIMPLEMENTED` with the name of the method.
    package var fallback: ((_ call: GRPCCall) -> (any GRPCStreamReceiver)?)?
    /// Called once for each call when it has ended, with how it ended and how long it took since its headers.
    /// Nothing is measured when this is nil.
    package var observe: ((_ call: GRPCCall, _ code: GRPCCode, _ nanoseconds: UInt64) -> Void)?

    private var table = PathTable<GRPCMethod>()

    package init() {}

    /// Adds a unary method. `path` is `/package.Service/Method`. Adding a path again replaces it.
    package func unary(_ path: String, _ handler: @escaping UnaryHandler) {
        table.insert(GRPCMethod(path: path, kind: .unary(handler)), for: path)
    }

    /// Adds a client-, server- or bidirectional-streaming method. Adding a path again replaces it.
    package func stream(_ path: String, _ open: @escaping StreamHandler) {
        table.insert(GRPCMethod(path: path, kind: .stream(open)), for: path)
    }

    /// Every path added, sorted.
    package var paths: [String] { table.values.map(\.path).sorted() }

    /// The services of the added methods, e.g. `grpc.health.v1.Health`; sorted.
    package var services: [String] {
        Set(
            table.values.compactMap { method in
                let parts = method.path.split(separator: "/", omittingEmptySubsequences: true)
                return parts.count == 2 ? String(parts[0]) : nil
            }
        ).sorted()
    }

    func method(for path: UnsafeRawBufferPointer) -> GRPCMethod? { table.find(path) }
}

/// One method of a router.
final class GRPCMethod {
    enum Kind {
        case unary(GRPCRouter.UnaryHandler)
        case stream(GRPCRouter.StreamHandler)
    }

    let path: String
    let kind: Kind

    init(path: String, kind: Kind) {
        self.path = path
        self.kind = kind
    }
}
