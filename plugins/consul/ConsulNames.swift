import PluginHTTP
import PluginKit

/// `nameresolution.consul`. On the instance's reactor thread.
final class ConsulNames: NameResolver {
    /// How often it is looked whether the agent still has what was registered: one that was made anew has not.
    private static let interval: Int64 = 5_000_000_000
    /// How long an answer is used while Consul does not answer. Nanoseconds. While it does nobody is kept from hearing what is new: the
    /// runtime asks again when a call has failed.
    private static let usable: Int64 = 60_000_000_000
    /// Apps whose answers are kept.
    private static let limit = 1024

    private struct Known {
        let app: [UInt8]
        let services: Services
        let time: Int64
    }

    private let settings: Settings
    private let agent: TokenClient
    /// For questions, when they have a token of their own.
    private let asker: TokenClient
    private var known: [Known] = []
    private var registered: [Registration] = []
    private var timer: Timer!
    private let later: Later
    private var isStopped = true

    init(_ settings: Settings, _ instance: Instance) {
        self.settings = settings
        func client(_ token: HTTPToken) -> TokenClient {
            TokenClient(
                instance,
                TokenClient.Options(
                    base: settings.address, server: "Consul", token: token, header: "X-Consul-Token", refusal: 403, headers: settings.headers),
                settings.http)
        }
        agent = client(settings.token)
        asker = settings.queryToken.map(client) ?? agent
        later = Later(instance)
        super.init(instance, Features(settings.registers ? OCTAVO_NAMES_ADVERTISE : 0))
        timer = Timer(instance) { [unowned(unsafe) self] in self.renew() }
    }

    // MARK: Life

    override func start(_ call: Call) throws(PluginError) {
        isStopped = false
        try agent.open()
        if asker !== agent { try asker.open() }
        try health(call)
    }

    override func stop(_ call: Call) throws(PluginError) {
        isStopped = true
        timer.cancel()
        guard settings.deregisters, !registered.isEmpty else { return close(call) }
        // Those that were not withdrawn.
        let left = registered
        registered = []
        var open = left.count
        for one in left {
            deregister(one, Host.now() + 1_000_000_000) { [self] _ in
                open -= 1
                // Not within what the client calls: after this there may be no client any more.
                if open == 0 { later.ask { [self] in close(call) } }
            }
        }
    }

    private func close(_ call: Call) {
        agent.close()
        if asker !== agent { asker.close() }
        known = []
        registered = []
        call.done()
    }

    /// Whether the cluster has a leader, which anybody may ask.
    override func health(_ call: Call) throws(PluginError) {
        agent.send(agent.request("GET", "/v1/status/leader", deadline: call.deadline)) { [self] result in
            switch result {
            case .failure(let error): call.fail(error)
            case .success(let response) where response.isSuccess && response.body.count > 3: call.done()
            case .success(let response) where response.isSuccess: call.fail(.outage("Consul at \(settings.address) has no leader."))
            case .success(let response): call.fail(error(response, "its leader"))
            }
        }
    }

    /// `what`: what was asked for, as the object of a sentence.
    private func error(_ response: HTTPResponse, _ what: String) -> PluginError {
        let said = response.body.prefix(300).map { $0 < 0x20 ? 0x20 : $0 }
        let words = "status \(response.status)" + (said.isEmpty ? "" : ", " + String(decoding: said, as: UTF8.self))
        let place = "Consul at \(settings.address)"
        switch response.status {
        case 401, 403:
            return PluginError(
                OCTAVO_CODE_PERMISSION_DENIED, "\(place) does not let the token have \(what): \(words). Check the token of client and its policies.")
        case 429: return PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "\(place) is asked too often.", flags: OCTAVO_ERROR_RETRYABLE | OCTAVO_ERROR_THROTTLED)
        case 500...: return .outage("\(place) has not given \(what): \(words).")
        case 400..<500: return PluginError(OCTAVO_CODE_FAILED_PRECONDITION, "\(place) refuses the request for \(what): \(words).")
        default: return PluginError(OCTAVO_CODE_INTERNAL, "\(place) answered the request for \(what) with \(words).")
        }
    }

    // MARK: Questions

    override func resolve(_ request: UnsafePointer<octavo_names_resolve_request>, _ reply: NamesReply) throws(PluginError) {
        let app = request.pointee.app_id.array, namespace = request.pointee.name_space.array
        guard !app.isEmpty else { throw .invalid("There is no app to look for: its id is empty.") }
        let now = Host.now()
        known.removeAll { now - $0.time > Self.usable }
        let old = settings.usesCache ? known.first { $0.app == app } : nil
        var question = asker.request(
            "GET", "/v1/health/service/" + URLText.escaped(app) + "?" + settings.query, deadline: reply.call.deadline)
        question.headers += settings.queryHeaders
        asker.send(question) { [self] result in
            switch result {
            case .failure(let error):
                if let old { return answer(old.services, app, namespace, reply) }
                reply.call.fail(error)
            case .success(let response):
                guard response.isSuccess else {
                    if let old, response.status >= 500 { return answer(old.services, app, namespace, reply) }
                    return reply.call.fail(error(response, "the services of app \(String(decoding: app, as: UTF8.self))"))
                }
                guard let services = Services(response.body, portKey: settings.portKey) else {
                    return reply.call.fail(.outage("The answer of Consul at \(settings.address) makes no sense."))
                }
                keep(Known(app: app, services: services, time: Host.now()))
                answer(services, app, namespace, reply)
            }
        }
    }

    private func keep(_ one: Known) {
        guard settings.usesCache else { return }
        known.removeAll { $0.app == one.app }
        if known.count >= Self.limit { known.removeFirst() }
        known.append(one)
    }

    private func answer(_ services: Services, _ app: [UInt8], _ namespace: [UInt8], _ reply: NamesReply) {
        let (found, withoutPort) = services.addresses(namespace)
        if found.isEmpty, withoutPort > 0 {
            return reply.call.fail(
                PluginError(
                    OCTAVO_CODE_FAILED_PRECONDITION,
                    "Consul knows \(withoutPort) services \(String(decoding: app, as: UTF8.self)), none of which has an address and "
                        + "\(String(decoding: settings.portKey, as: UTF8.self)) in its metadata. Register them with the port of their runtimes there."))
        }
        reply.answer(found)
    }

    // MARK: Registrations

    override func advertise(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) {
        guard settings.registers else { throw .unimplemented("selfRegister is not set: others register the services.") }
        let one = Registration(try NameInstance(request.pointee), settings)
        register(one, call.deadline) { [self] error in
            if let error { return call.fail(error) }
            known.removeAll { $0.app == one.instance.app }
            if isStopped { return call.done() }
            registered.removeAll { $0.id == one.id }
            registered.append(one)
            if !timer.isSet { timer.set(after: Self.interval) }
            call.done()
        }
    }

    override func withdraw(_ request: UnsafePointer<octavo_names_advertise_request>, _ call: Call) throws(PluginError) {
        guard settings.registers else { throw .unimplemented("selfRegister is not set: others register the services.") }
        let one = Registration(try NameInstance(request.pointee), settings)
        registered.removeAll { $0.id == one.id }
        known.removeAll { $0.app == one.instance.app }
        guard settings.deregisters else { return call.done() }
        deregister(one, call.deadline) { error in if let error { call.fail(error) } else { call.done() } }
    }

    private func register(_ one: Registration, _ deadline: Int64, done: @escaping (PluginError?) -> Void) {
        var request = agent.request("PUT", "/v1/agent/service/register?replace-existing-checks=true", deadline: deadline)
        request.body = one.body
        request.headers.append(("Content-Type", "application/json"))
        agent.send(request) { [self] result in
            switch result {
            case .failure(let error): done(error)
            case .success(let response): done(response.isSuccess ? nil : error(response, "the registration of \(String(decoding: one.id, as: UTF8.self))"))
            }
        }
    }

    private func deregister(_ one: Registration, _ deadline: Int64, done: @escaping (PluginError?) -> Void) {
        agent.send(agent.request("PUT", "/v1/agent/service/deregister/" + URLText.escaped(one.id), deadline: deadline)) { [self] result in
            switch result {
            case .failure(let error): done(error)
            // It has none of that name: all is as it should be.
            case .success(let response) where response.isSuccess || response.status == 404: done(nil)
            case .success(let response): done(error(response, "the end of the registration of \(String(decoding: one.id, as: UTF8.self))"))
            }
        }
    }

    /// Registers again what the agent has lost.
    private func renew() {
        guard !registered.isEmpty, !isStopped else { return }
        timer.set(after: Self.interval)
        for one in registered {
            agent.send(agent.request("GET", "/v1/agent/service/" + URLText.escaped(one.id), deadline: Host.now() + Self.interval)) { [self] result in
                guard case .success(let response) = result, response.status == 404, registered.contains(where: { $0.id == one.id }) else { return }
                instance.info("Consul has lost the registration of \(String(decoding: one.id, as: UTF8.self)); it is made again")
                register(one, Host.now() + Self.interval) { [self] error in
                    if let error { instance.warn("the registration was not made again: \(error.message)") }
                }
            }
        }
    }
}
