import PluginHTTP
import PluginKit

/// `middleware.http.oauth2clientcredentials`: adds a token to requests, which the client gets by its own credentials (RFC 6749 §4.4). On
/// the reactor thread.
final class ClientCredentials: Filter {
    private let settings: ClientSettings
    private let client: HTTPClient
    /// As it stands in the header.
    private var value: [UInt8] = []
    /// Until when it is used, CLOCK_MONOTONIC.
    private var until: Int64 = 0
    /// A token with the credentials in its header was refused; they go in the body.
    private var usesBody: Bool
    private var waiting: [(PluginError?) -> Void] = []

    private static let mostWaiting = 1024

    init(_ settings: ClientSettings, _ instance: Instance) {
        self.settings = settings
        usesBody = settings.style == 1
        client = HTTPClient(instance, settings.http)
        super.init(instance, Features(0))
    }

    override func start(_ call: Call) throws(PluginError) {
        try client.open()
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        client.close()
        call.done()
    }

    override func onRequest(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) {
        if let filter = settings.filter {
            let path = message.pointee.path.array
            let end = path.firstIndex(of: 0x3F) ?? path.count
            if !path[..<end].withUnsafeBytes({ filter.isFound(in: $0) }) { return reply.pass() }
        }
        if Host.now() < until { return add(reply) }
        guard waiting.count < Self.mostWaiting else {
            throw PluginError(OCTAVO_CODE_RESOURCE_EXHAUSTED, "Too many requests wait for a token of \(settings.url) already.")
        }
        waiting.append { [self] error in
            if let error { reply.call.fail(error) } else { add(reply) }
        }
        if waiting.count == 1 { fetch(mayChange: settings.style == 0) }
    }

    private func add(_ reply: FilterReply) {
        var changes = FilterChanges()
        changes.set = [(settings.header, value)]
        reply.change(changes)
    }

    private func fetch(mayChange: Bool) {
        let request = settings.request(inBody: usesBody)
        do throws(PluginError) {
            try client.send(request) { [self] result in
                switch result {
                case .failure(let failure): ended(failure.error(isWrite: false))
                case .success(let response):
                    // Servers that take credentials in the other place alone say so in no other way.
                    if mayChange, response.status == 400 || response.status == 401 {
                        usesBody.toggle()
                        return fetch(mayChange: false)
                    }
                    took(response)
                }
            }
        } catch { ended(error) }
    }

    private func took(_ response: HTTPResponse) {
        guard response.isSuccess else {
            return ended(
                PluginError(
                    response.status >= 500 ? OCTAVO_CODE_UNAVAILABLE : OCTAVO_CODE_FAILED_PRECONDITION,
                    "\(settings.url) gives no token: status \(response.status). Check clientID, clientSecret and scopes."))
        }
        final class Found { var token: [UInt8] = [], type: [UInt8] = [], seconds: [UInt8] = [] }
        let found = Found()
        response.body.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes) { path, value in
                    guard path.count == 1 else { return }
                    if path[0].equals("access_token") { found.token = value }
                    if path[0].equals("token_type") { found.type = value }
                    if path[0].equals("expires_in") { found.seconds = value }
                }
            } catch { found.token = [] }
        }
        guard !found.token.isEmpty, !found.token.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) else {
            return ended(.outage("\(settings.url) answered with no access_token."))
        }
        let isBearer = found.type.isEmpty || lowercased(found.type).equals("bearer")
        value = (isBearer ? Str("Bearer").array : found.type.filter { $0 > 0x20 && $0 < 0x7F }) + [0x20] + found.token
        let seconds = Int64(min(found.seconds.withUnsafeBytes { Str($0).decimal } ?? 0, 86_400))
        // It must still be good when it arrives. One that does not say how long it is good serves those who wait.
        until = Host.now() + max(0, seconds - max(1, min(10, seconds / 10))) * 1_000_000_000
        ended(nil)
    }

    private func ended(_ error: PluginError?) {
        if let error { instance.reportHealth(.degraded, error.message) } else { instance.reportHealth(.healthy, "there is a token") }
        let told = waiting
        waiting = []
        for one in told { one(error) }
    }
}
