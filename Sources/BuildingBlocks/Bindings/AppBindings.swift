import COctavo
package import Components
package import Logging
import NIOCore

/// The input bindings that the app hears of, on one event loop. They are read while the app is up and wants them; each time
/// that it is discovered anew it is asked again.
package final class AppBindings: AppObserver, AppDeliveries {
    private let loop: CallLoop
    private let identity: AppIdentity
    private let app: any AppClient
    private let isGRPC: Bool
    private let share: AppSubscriptions.Share
    private let answers: BindingAnswers
    private let policies: () -> InboundPolicies
    private let logger: Logger
    private var open: [String: InputBinding] = [:]
    /// Of the app that is up now; nil while it is not, or has not been asked about itself.
    private var discovery: AppDiscovery?
    /// Counts what has been learned of the app: answers to earlier questions are of no interest.
    private var round = 0
    private var isEnded = false

    private static let firstPause = 0.1, longestPause = 5.0

    /// Begins. `policies` is asked whenever a binding is read anew.
    package init(
        loop: CallLoop, identity: AppIdentity, _ app: any AppClient, isGRPC: Bool, share: AppSubscriptions.Share,
        policies: @escaping () -> InboundPolicies, logger: Logger
    ) {
        self.loop = loop
        self.identity = identity
        self.app = app
        self.isGRPC = isGRPC
        self.share = share
        self.policies = policies
        self.logger = logger
        answers = BindingAnswers(loop: loop, identity: identity)
        loop.observeInstallations { [weak self] in self?.consider($0) }
        app.observe(self)
    }

    package func drain(_ done: @escaping () -> Void) {
        isEnded = true
        var waiting = open.count
        guard waiting > 0 else { return done() }
        for binding in open.values {
            binding.drain {
                waiting -= 1
                if waiting == 0 { done() }
            }
        }
    }

    package func end() {
        isEnded = true
        app.ignore(self)
        closeAll()
    }

    private func closeAll() {
        for binding in open.values { binding.end() }
        open = [:]
    }

    // MARK: The app

    package func appChanged(_ condition: AppCondition) {
        guard !condition.isUp else { return }
        // It is asked again before anything is delivered to it: it may be another version.
        discovery = nil
        round += 1
        if !isEnded { closeAll() }
    }

    package func appDiscovered(_ discovery: AppDiscovery) {
        guard app.condition.isUp, !isEnded else { return }
        self.discovery = discovery
        round += 1
        for ref in loop.allComponents { consider(ref) }
    }

    // MARK: Whether it is read

    /// Each binding is read by one event loop.
    private func isOurs(_ name: String) -> Bool {
        let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return Int(hash % UInt64(share.count)) == share.index
    }

    private func consider(_ ref: ComponentRef) {
        guard ref.kind == OCTAVO_KIND_BINDING, discovery != nil, !isEnded, isOurs(ref.name) else { return }
        let direction = BindingDirection(ref)
        guard direction.isInput else {
            // It may have been one before its settings changed.
            open.removeValue(forKey: ref.name)?.end()
            return
        }
        // A lazy component is started for it if it says that it is an input.
        if direction.isGiven, ref.startsOnDemand { ref.whenSettled {} }
        ref.whenReady { [weak self, round] ref in
            guard let self, isCurrent(round, ref), ref.supports(OCTAVO_BINDING_OP_READ) else { return }
            if direction.isGiven { read(ref) } else { ask(ref, round, pause: Self.firstPause) }
        }
    }

    private func isCurrent(_ round: Int, _ ref: ComponentRef) -> Bool {
        round == self.round && discovery != nil && !isEnded && ref.isInstalled
    }

    private func ask(_ ref: ComponentRef, _ round: Int, pause: Double) {
        if isGRPC { return learned(ref, discovery?.inputBindings?.contains(ref.name) ?? false) }
        app.wantsBinding(ref.name, route: Self.route(ref)) { [weak self] result in
            guard let self, isCurrent(round, ref) else { return }
            switch result {
            case .success(let isWanted): learned(ref, isWanted)
            case .failure(let failure):
                logger.warning(
                    "the app can't be asked for a binding yet; trying again",
                    metadata: ["binding": "\(ref.name)", "cause": "\(failure)"])
                loop.eventLoop.assumeIsolated().scheduleTask(
                    in: .nanoseconds(Int64(pause * .random(in: 0.8...1.2) * 1_000_000_000))
                ) { [weak self] in
                    guard let self, isCurrent(round, ref) else { return }
                    ask(ref, round, pause: min(pause * 2, Self.longestPause))
                }
            }
        }
    }

    private func learned(_ ref: ComponentRef, _ isWanted: Bool) {
        guard isWanted else {
            open.removeValue(forKey: ref.name)?.end()
            logger.debug("the app does not want the events of a binding", metadata: ["binding": "\(ref.name)"])
            return
        }
        read(ref)
    }

    /// The path of an HTTP app.
    private static func route(_ ref: ComponentRef) -> String {
        ref.runtimeSettings["route"].flatMap { $0.isEmpty ? nil : $0 } ?? ref.name
    }

    private func read(_ ref: ComponentRef) {
        if let known = open[ref.name] {
            guard known.ref !== ref else { return }
            known.end()
        }
        open[ref.name] = InputBinding(
            ref, loop: loop, identity: identity, app, route: Self.route, policy: policies().policy(forBinding: ref.name), answers: answers, logger: logger
        ) { [weak self] binding, state in
            self?.changed(binding, state)
        }
    }

    private func changed(_ binding: InputBinding, _ state: SourceState) {
        let name = binding.ref.name
        switch state {
        case .waiting: break
        case .open: logger.info("an input binding is read", metadata: ["binding": "\(name)"])
        case .failed(let error, let again):
            logger.warning(
                "an input binding can't be read; trying again",
                metadata: ["binding": "\(name)", "cause": "\(error.message)", "again-in": "\(again)"])
        case .ended:
            // Its component was removed: one of that name begins anew.
            if open[name] === binding { open[name] = nil }
        }
    }
}
