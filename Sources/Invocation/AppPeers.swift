import Components
import Governance
import NIOCore
import Transport

/// One instance of an app that this event loop calls.
final class Peer {
    let address: PeerAddress
    let client: HTTPClient
    /// Calls that have not ended.
    var underWay = 0
    /// It did not take calls: others are asked first until then.
    var restsUntil = NIODeadline.uptimeNanoseconds(0)
    /// How its calls end, where a policy wants to know.
    var record = OutlierRecord()

    init(_ address: PeerAddress, _ client: HTTPClient) {
        self.address = address
        self.client = client
    }
}

/// The instances of one app on one event loop: asks where they are, again when that may have changed, and chooses among
/// them the one with the fewest calls under way.
final class AppPeers {
    typealias Done = (Result<Peer, InvocationFailure>) -> Void

    private let app: AppName
    private let resolution: NameResolution
    private let loop: ClientLoop
    private var security: InvocationSecurity?
    private var peers: [Peer] = []
    private var freshUntil = NIODeadline.uptimeNanoseconds(0)
    private var waiting: [(tried: [Peer], avoided: [Peer], done: Done)] = []
    /// The policies of the app, if any: by an outlier policy instances are left out, in place of a short rest.
    var governor: Governor?
    private var isAsking = false
    /// The resolver has said since then that there is no instance.
    private var absentSince: NIODeadline?
    private var turn = 0

    /// Addresses are asked for again after this, unless the resolver says another time.
    private static let lifetime = TimeAmount.seconds(2)
    /// Known instances are let go of when the resolver has known none for so long.
    private static let absence = TimeAmount.seconds(2)
    /// Who did not answer is not asked for so long while there are others.
    private static let rest = TimeAmount.seconds(5)

    init(_ app: AppName, _ resolution: NameResolution, _ loop: ClientLoop, _ security: InvocationSecurity? = nil) {
        self.app = app
        self.security = security
        self.resolution = resolution
        self.loop = loop
    }

    /// Whether nothing is kept for it.
    var isIdle: Bool { waiting.isEmpty && peers.allSatisfy { $0.underWay == 0 } }

    /// What `pick` gives at once.
    func pickNow(excluding tried: [Peer], avoiding avoided: [Peer]) -> Peer? {
        guard let peer = best(excluding: tried, avoiding: avoided) else { return nil }
        // Old addresses mostly are right: nobody waits for the new ones.
        if NIODeadline.now() >= freshUntil { ask() }
        return peer
    }

    /// Gives an instance that is not among `tried`, and among `avoided` only if there is no other, maybe before this returns.
    func pick(excluding tried: [Peer], avoiding avoided: [Peer] = [], _ done: @escaping Done) {
        if let peer = pickNow(excluding: tried, avoiding: avoided) { return done(.success(peer)) }
        let isFresh = NIODeadline.now() < freshUntil
        if isFresh, !tried.isEmpty { return done(.failure(.unreachable(app: app.description, cause: "none of its instances takes calls"))) }
        waiting.append((tried, avoided, done))
        ask()
    }

    /// It took no call: whoever asks next gets another one, and perhaps it is gone.
    func failed(_ peer: Peer) {
        if !(governor?.hasOutlier ?? false) { peer.restsUntil = .now() + Self.rest }
        freshUntil = .uptimeNanoseconds(0)
    }

    /// A call of it has been answered, or broke off.
    func answered(_ peer: Peer, well: Bool) {
        guard let governor, governor.hasOutlier, let policy = governor.policy.outlier?.value, !well || peer.record.failures > 0 || peer.record.ejections > 0
        else { return }
        let now = monotonicNanoseconds()
        let hasRoom = !well && peers.count { $0.record.isEjected(now: now) } < policy.most(of: peers.count)
        if peer.record.ended(success: well, policy, now: now, mayEject: hasRoom) { governor.count(\.ejections) }
    }

    private func best(excluding tried: [Peer], avoiding avoided: [Peer]) -> Peer? {
        if !avoided.isEmpty, let found = best(excluding: tried + avoided, avoiding: []) { return found }
        let now = NIODeadline.now()
        let hasOutliers = governor?.hasOutlier ?? false
        var found: Peer?
        var isResting = true
        turn &+= 1
        for offset in 0..<peers.count {
            // From another place each time, so that equals take turns.
            let peer = peers[(turn &+ offset) % peers.count]
            if tried.contains(where: { $0 === peer }) { continue }
            let rests = hasOutliers ? peer.record.isEjected(now: Int64(now.uptimeNanoseconds)) : peer.restsUntil > now
            if found == nil || (isResting && !rests) || (isResting == rests && peer.underWay < found.unsafelyUnwrapped.underWay) {
                (found, isResting) = (peer, rests)
            }
        }
        return found
    }

    private func ask() {
        guard !isAsking else { return }
        isAsking = true
        resolution.resolve(app, port: 0) { [self] result in
            isAsking = false
            let batch = waiting
            waiting = []
            switch result {
            case .found(let addresses, let lifetime):
                absentSince = nil
                take(addresses)
                freshUntil = .now() + (lifetime > 0 ? min(.nanoseconds(lifetime), .seconds(30)) : Self.lifetime)
                for (tried, avoided, done) in batch {
                    if let peer = best(excluding: tried, avoiding: avoided) {
                        done(.success(peer))
                    } else {
                        done(.failure(.unreachable(app: app.description, cause: "none of its instances takes calls")))
                    }
                }
            case .absent:
                absent(isSure: !batch.isEmpty)
                fail(batch, "no instance of it is known")
            case .failed(let cause):
                // What is known may still answer; the next call asks again.
                absentSince = nil
                fail(batch, cause)
            }
        }
    }

    private func fail(_ batch: [(tried: [Peer], avoided: [Peer], done: Done)], _ cause: String) {
        for (_, _, done) in batch { done(.failure(.unresolved(app: app.description, cause: cause))) }
    }

    /// The resolver says that there is none. One that starts again is away for a moment, and the resolver may have begun only now: known
    /// instances are called until it has said so for a while. `isSure`: those that are known take no calls.
    private func absent(isSure: Bool) {
        let now = NIODeadline.now(), since = absentSince ?? now
        absentSince = since
        guard !peers.isEmpty, !isSure, now - since < Self.absence else { return take([]) }
        freshUntil = now + Self.absence
    }

    /// Connections to instances that are still there stay.
    private func take(_ addresses: [PeerAddress]) {
        var kept: [Peer] = []
        for address in Set(addresses) {
            if let known = peers.first(where: { $0.address == address }) {
                kept.append(known)
            } else {
                let target = ClientTarget(
                    .tcp(host: address.host, port: address.port), wire: .http2, tls: security?.client, peerURI: security?.uri(of: app),
                    awaitsGreeting: true)
                kept.append(Peer(address, HTTPClient(target, loop: loop, name: "the runtime of app \(app)")))
            }
        }
        // One that is gone ends what it has begun; its connections close when they lie idle.
        for peer in peers where peer.underWay == 0 && !kept.contains(where: { $0 === peer }) { peer.client.close() }
        peers = kept
    }

    /// Connections of before finish what they have.
    func use(_ security: InvocationSecurity) {
        self.security = security
        for peer in peers { peer.client.use(security.client) }
    }

    func close() {
        for peer in peers { peer.client.close() }
        peers = []
    }
}
