import COctavo
package import Components

/// One address of an app.
struct PeerAddress: Hashable, Sendable {
    let host: String
    let port: Int
}

/// Asks the name resolver of the runtime, a component, on one event loop.
final class NameResolution {
    typealias Done = (Answer) -> Void

    enum Answer {
        /// `lifetime`: nanoseconds for which they hold; 0: not said.
        case found([PeerAddress], lifetime: Int64)
        /// The resolver says that there is no instance.
        case absent
        /// It says nothing.
        case failed(cause: String)
    }

    private let loop: CallLoop
    private let name: String

    private static let patience = 5_000_000_000 as Int64

    init(_ loop: CallLoop, component name: String) {
        self.loop = loop
        self.name = name
    }

    /// `done` is called once. `port`: what resolvers that know only hosts are to say.
    func resolve(_ app: AppName, port: Int, _ done: @escaping Done) {
        guard let ref = loop.component(named: name), ref.kind == OCTAVO_KIND_NAME_RESOLUTION else {
            return done(.failed(cause: "the runtime has no name resolver"))
        }
        let submit = {
            guard
                var slot = ref.open(
                    OCTAVO_NAMES_OP_RESOLVE, octavo_names_resolve_request.self, bytes: app.id.utf8.count + app.namespace.utf8.count + 2,
                    deadline: monotonicNanoseconds() + Self.patience, waiter: Waiter(done))
            else { return }
            let request = slot.request
            request.pointee.app_id = slot.text(app.id)
            request.pointee.name_space = slot.text(app.namespace)
            request.pointee.port = UInt32(port)
            slot.submit()
        }
        if ref.startsOnDemand { ref.whenSettled(submit) } else { submit() }
    }

    private final class Waiter: CallWaiter {
        private let done: Done

        init(_ done: @escaping Done) { self.done = done }

        override func completed(_ reply: UnsafeRawPointer?) {
            guard let reply = reply?.loadUnaligned(as: octavo_names_resolve_reply.self) else {
                return done(.failed(cause: "the name resolver gave no answer"))
            }
            let found = reply.addresses.elements(as: octavo_names_address.self)
            let addresses = found.compactMap { one in
                one.host.size > 0 && (1..<65536).contains(one.port) ? PeerAddress(host: String(one.host), port: Int(one.port)) : nil
            }
            guard !addresses.isEmpty else { return done(.absent) }
            done(.found(addresses, lifetime: found.map(\.lifetime_ns).filter { $0 > 0 }.min() ?? 0))
        }

        override func failed(_ error: CallError) {
            done(error.code == OCTAVO_CODE_NOT_FOUND ? .absent : .failed(cause: error.message))
        }
    }
}

/// Tells the resolver where this runtime is, on one event loop.
package final class Advertiser {
    /// This instance, as others find it.
    package struct Instance: Sendable {
        package var app: String
        package var namespace: String
        /// A name that no other instance of the app has.
        package var name: String
        package var host: String
        package var port: Int

        package init(app: String, namespace: String, name: String, host: String, port: Int) {
            self.app = app
            self.namespace = namespace
            self.name = name
            self.host = host
            self.port = port
        }
    }

    private let loop: CallLoop
    private let component: String

    package init(_ loop: CallLoop, component: String) {
        self.loop = loop
        self.component = component
    }

    /// `done` is told the cause when it did not succeed; nil also for resolvers that need not be told.
    package func advertise(_ instance: Instance, _ done: @escaping (String?) -> Void) { tell(OCTAVO_NAMES_OP_ADVERTISE, instance, done) }
    package func withdraw(_ instance: Instance, _ done: @escaping (String?) -> Void) { tell(OCTAVO_NAMES_OP_WITHDRAW, instance, done) }

    private func tell(_ op: Int32, _ instance: Instance, _ done: @escaping (String?) -> Void) {
        guard let ref = loop.component(named: component) else { return done(nil) }
        let submit = {
            guard ref.features & UInt64(OCTAVO_NAMES_ADVERTISE) != 0 else { return done(nil) }
            let bytes = instance.app.utf8.count + instance.namespace.utf8.count + instance.name.utf8.count + instance.host.utf8.count
            guard
                var slot = ref.open(
                    op, octavo_names_advertise_request.self, bytes: bytes + 8, deadline: monotonicNanoseconds() + 5_000_000_000,
                    waiter: Waiter(done))
            else { return }
            let request = slot.request
            request.pointee.app_id = slot.text(instance.app)
            request.pointee.name_space = slot.text(instance.namespace)
            request.pointee.instance = slot.text(instance.name)
            request.pointee.address.host = slot.text(instance.host)
            request.pointee.address.port = UInt32(instance.port)
            slot.submit()
        }
        if ref.startsOnDemand { ref.whenSettled(submit) } else { submit() }
    }

    private final class Waiter: CallWaiter {
        private let done: (String?) -> Void

        init(_ done: @escaping (String?) -> Void) { self.done = done }

        override func completed(_ reply: UnsafeRawPointer?) { done(nil) }
        override func failed(_ error: CallError) { done(error.message) }
    }
}
