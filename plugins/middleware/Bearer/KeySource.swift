import PluginHTTP
import PluginKeys
import PluginKit

/// The keys of an issuer: a JSON Web Key Set that is fetched, kept, and fetched again now and then, and when a token names a key that is
/// not in it. On the reactor thread.
final class KeySource {
    typealias Done = (Result<Key?, PluginError>) -> Void

    private let instance: Instance
    private let client: HTTPClient
    private let issuer: String
    /// nil: the issuer is asked for it (OpenID Connect Discovery).
    private var url: String?
    private let age: Int64
    private var keys: [(kid: [UInt8], key: Key?, problem: String)] = []
    private var isFetched = false
    /// Of the last time that they were asked for.
    private var problem: PluginError?
    private var triedAt: Int64 = 0
    private var isFetching = false
    private var waiting: [(PluginError?) -> Void] = []
    private var timer: Timer?

    /// Unknown keys make it ask no oftener: anybody can name one.
    private static let pause: Int64 = 5_000_000_000
    private static let mostWaiting = 1024
    private static let patience: Int64 = 5_000_000_000

    init(_ instance: Instance, issuer: String, url: String?, age: Int64, _ options: HTTPOptions) {
        self.instance = instance
        self.issuer = issuer
        self.url = url
        self.age = age
        client = HTTPClient(instance, options)
    }

    func open(_ done: @escaping (PluginError?) -> Void) throws(PluginError) {
        try client.open()
        timer = Timer(instance) { [unowned(unsafe) self] in
            fetch { _ in }
            timer?.set(after: age)
        }
        timer?.set(after: age)
        fetch(done)
    }

    func close() {
        timer?.cancel()
        client.close()
        let left = waiting
        waiting = []
        for one in left { one(.outage("The component was stopped while it waited for its keys.")) }
    }

    /// The key of that id; nil: the issuer has none.
    func key(_ kid: [UInt8], _ done: @escaping Done) {
        if let found = find(kid) { return done(.success(found)) }
        let isAnswered = isFetched && Host.now() - triedAt < Self.pause && !isFetching
        if isAnswered { return done(problem.map { .failure($0) } ?? .success(nil)) }
        fetch { [self] error in
            // Keys that were good stay so while the issuer is away; one that is not there is not known to be none.
            if let error { done(.failure(error)) } else { done(.success(find(kid))) }
        }
    }

    private func find(_ kid: [UInt8]) -> Key? { keys.first { $0.kid.elementsEqual(kid) }?.key }

    func fetch(_ done: @escaping (PluginError?) -> Void) {
        guard waiting.count < Self.mostWaiting else {
            return done(PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "Too many requests wait for the keys of the issuer already."))
        }
        waiting.append(done)
        guard !isFetching else { return }
        isFetching = true
        triedAt = Host.now()
        if let url { get(url) { [self] in took(keys: $0) } } else { discover() }
    }

    private func discover() {
        var base = Array(issuer.utf8)
        if base.last == 0x2F { base.removeLast() }
        get(String(decoding: base, as: UTF8.self) + "/.well-known/openid-configuration") { [self] body in
            final class Found { var url: [UInt8] = [], issuer: [UInt8] = [] }
            let found = Found()
            body.withUnsafeBytes { bytes in
                do throws(PluginError) {
                    try JSONReader.read(bytes) { path, value in
                        if path.count == 1, path[0].equals("jwks_uri") { found.url = value }
                        if path.count == 1, path[0].equals("issuer") { found.issuer = value }
                    }
                } catch { found.url = [] }
            }
            guard !found.url.isEmpty, found.issuer.elementsEqual(issuer.utf8) else {
                return ended(.outage("The issuer \(issuer) does not say where its keys are: give jwksURL."))
            }
            let url = String(decoding: found.url, as: UTF8.self)
            self.url = url
            get(url) { [self] in took(keys: $0) }
        }
    }

    private func get(_ url: String, _ body: @escaping ([UInt8]) -> Void) {
        var request = HTTPRequest("GET", url)
        request.headers = [("accept", "application/json")]
        request.timeout = Self.patience
        request.maxBody = 1 << 20
        do throws(PluginError) {
            try client.send(request) { [self] result in
                switch result {
                case .failure(let failure): ended(failure.error(isWrite: false))
                case .success(let response) where response.status == 200: body(response.body)
                case .success(let response): ended(.outage("\(url) answered with status \(response.status), not with keys."))
                }
            }
        } catch { ended(error) }
    }

    private func took(keys body: [UInt8]) {
        do throws(PluginError) {
            keys = try withBytes(body) { (bytes) throws(PluginError) in try JSONWebKeys.set(bytes) }
            for one in keys where one.key == nil { instance.warn("A key of the issuer \(issuer) can't be used: \(one.problem).") }
            isFetched = true
            ended(nil)
        } catch { ended(.outage("The keys at \(url ?? issuer) can't be used: \(error.message).")) }
    }

    private func ended(_ error: PluginError?) {
        isFetching = false
        problem = error
        if let error {
            instance.reportHealth(isFetched ? .degraded : .unhealthy, error.message)
        } else {
            instance.reportHealth(.healthy, "the keys of the issuer are known")
        }
        let told = waiting
        waiting = []
        for one in told { one(error) }
    }
}
