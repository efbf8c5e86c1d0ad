import PluginHTTP
import PluginKit

/// One secret as it is now, by a watch of that name alone, for which a Role that names the secret is enough. A stream that ends goes on
/// where it ended; when the cluster has forgotten that, the secret is read again. On the reactor thread.
final class SecretStream {
    /// The cluster ends a watch after so long, in seconds, and we a little later.
    private static let lifetime: Int64 = 300

    private let store: KubernetesSecrets
    private let source: Source
    private let folder: String
    private let name: [UInt8]
    private let selector: String
    private var known: SecretValue
    /// Everything up to this is in `known`; empty: it is to be read.
    private var resourceVersion: [UInt8] = []
    private var isWanted = false
    /// Called once, when it is known what there is.
    private var opened: ((PluginError?) -> Void)?
    private var transfer: HTTPTransfer?
    private let lines = HTTPLines(longest: 4 << 20)
    private var pause: Int64 = 0
    private var timer: Timer!

    init(_ store: KubernetesSecrets, _ source: Source, _ folder: String, _ name: [UInt8]) {
        self.store = store
        self.source = source
        self.folder = folder
        self.name = name
        known = SecretValue(name: name)
        selector = "?fieldSelector=metadata.name%3D" + String(decoding: name, as: UTF8.self)
        timer = Timer(store.instance) { [unowned(unsafe) self] in self.proceed() }
    }

    func open(done: @escaping (PluginError?) -> Void) {
        isWanted = true
        opened = done
        proceed()
    }

    func close() {
        isWanted = false
        opened = nil
        timer.cancel()
        if let transfer { store.client.cancel(transfer) }
        transfer = nil
    }

    private func proceed() {
        guard isWanted, transfer == nil else { return }
        if resourceVersion.isEmpty { read() } else { listen() }
    }

    private func again() {
        guard isWanted else { return }
        pause = min(max(pause * 2, 100_000_000), 10_000_000_000)
        timer.set(after: pause / 2 + Int64(Host.random() % UInt64(pause / 2)))
    }

    private func read() {
        store.client.send(store.client.request("GET", folder + selector)) { [self] result in
            guard isWanted else { return }
            let problem: PluginError
            switch result {
            case .failure(let error): problem = error
            case .success(let response):
                if response.status == 200, let answer = Answer.read(response.body), !answer.resourceVersion.isEmpty {
                    resourceVersion = answer.resourceVersion
                    let present = answer.secrets.first { $0.value.name == name }
                    let opened = opened
                    self.opened = nil
                    if opened == nil { tell(present.map(store.whole)) } else if let present { known = present.value }
                    listen()
                    opened?(nil)
                    return
                }
                problem = response.status == 200 ? store.nonsense : store.error(response, "list of secrets")
            }
            guard let opened else { return again() }
            self.opened = nil
            opened(problem)
        }
    }

    /// The secret as it is now; nil: there is none.
    private func tell(_ present: SecretValue?) {
        let now = present ?? SecretValue(name: name)
        if now.isSame(as: known) { return }
        known = now
        source.deliver(now)
    }

    private func listen() {
        guard isWanted, transfer == nil else { return }
        lines.reset()
        var request = store.client.request(
            "GET",
            folder + selector + "&watch=1&allowWatchBookmarks=true&timeoutSeconds=\(SecretStream.lifetime)&resourceVersion="
                + URLText.escaped(resourceVersion))
        request.timeout = (SecretStream.lifetime + 30) * 1_000_000_000
        do throws(PluginError) {
            transfer = try store.client.stream(
                request, chunk: { [unowned(unsafe) self] in self.lines.take($0) { self.heard($0) } },
                done: { [unowned(unsafe) self] result in
                    self.transfer = nil
                    if case .success(let response) = result { self.ended(response.status) } else { self.again() }
                })
        } catch { again() }
    }

    private func ended(_ status: Int) {
        if status == 410 { resourceVersion = [] }
        again()
    }

    /// `false`: nothing more of this stream.
    private func heard(_ line: [UInt8]) -> Bool {
        guard let answer = Answer.read(line) else { return false }
        if answer.event.equals("ERROR") || answer.event.isEmpty {
            // Too old, or whatever it is: what there is now is read.
            resourceVersion = []
            return false
        }
        pause = 0
        if !answer.resourceVersion.isEmpty { resourceVersion = answer.resourceVersion }
        if answer.event.equals("BOOKMARK") { return true }
        guard let secret = answer.secrets.first, secret.value.name == name else { return true }
        tell(answer.event.equals("DELETED") ? nil : store.whole(secret))
        return isWanted
    }
}
