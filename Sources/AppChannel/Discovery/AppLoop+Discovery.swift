import BuildingBlocks
import JSONText
import Logging
import NIOCore
import Transport

/// Asking the app about itself. Source: Dapr's `/dapr/config`, `/dapr/subscribe`, `ListTopicSubscriptions`,
/// `ListInputBindings`.
extension AppLoop {
    /// `round` numbers the answer. A failure is one of reaching the app; an answer that makes no sense is logged and counts
    /// as none.
    func discover(round: Int, _ logger: Logger, _ done: @escaping (Result<AppDiscovery, AppFailure>) -> Void) {
        if options.wire.isGRPC { discoverGRPC(round, logger, done) } else { discoverHTTP(round, logger, done) }
    }

    private func discoverHTTP(_ round: Int, _ logger: Logger, _ done: @escaping (Result<AppDiscovery, AppFailure>) -> Void) {
        var found = AppDiscovery(round: round)
        ask("/dapr/config", options.asksConfiguration, logger) { [self] result in
            switch result {
            case .failure(let failure): return done(.failure(failure))
            case .success(let json): found.configuration = json
            }
            ask("/dapr/subscribe", options.asksSubscriptions, logger) { result in
                switch result {
                case .failure(let failure): done(.failure(failure))
                case .success(let json):
                    let (subscriptions, warnings) = json.map { SubscriptionReading.read($0) } ?? ([], [])
                    for warning in warnings { logger.warning("a subscription of the app is left out", metadata: ["cause": "\(warning)"]) }
                    found.subscriptions = subscriptions
                    done(.success(found))
                }
            }
        }
    }

    /// The JSON that the app has at `path`; nil when it has none.
    private func ask(
        _ path: String, _ isWanted: Bool, _ logger: Logger, _ done: @escaping (Result<JSONValue?, AppFailure>) -> Void
    ) {
        guard isWanted else { return done(.success(nil)) }
        send("GET", path, [("dapr-app-id", options.appID)], nil, timeout: options.discoveryTimeout) { result in
            switch result {
            case .failure(let failure) where failure.kind == .malformed:
                logger.warning("the app's answer is of no use", metadata: ["path": "\(path)", "cause": "\(failure)"])
                done(.success(nil))
            case .failure(let failure): done(.failure(failure))
            case .success(let response):
                guard response.status == 200 else {
                    if response.status != 404 {
                        logger.warning(
                            "the app's answer is of no use", metadata: ["path": "\(path)", "status": "\(response.status)"])
                    }
                    return done(.success(nil))
                }
                do throws(JSONError) {
                    let bytes = Array(response.body.readableBytesView)
                    done(.success(bytes.isEmpty ? nil : try JSONValue(parsing: bytes)))
                } catch {
                    logger.warning("the app's answer is no JSON", metadata: ["path": "\(path)", "cause": "\(error)"])
                    done(.success(nil))
                }
            }
        }
    }

    private func discoverGRPC(_ round: Int, _ logger: Logger, _ done: @escaping (Result<AppDiscovery, AppFailure>) -> Void) {
        var found = AppDiscovery(round: round)
        let list = { [self] (next: @escaping (Result<Void, AppFailure>) -> Void) in
            guard options.asksSubscriptions else { return next(.success(())) }
            listSubscriptions { result in
                next(Self.tolerant(result, logger).map { response in
                    found.subscriptions = (response?.subscriptions ?? []).map { AppSubscription($0) }
                })
            }
        }
        list { [self] result in
            if case .failure(let failure) = result { return done(.failure(failure)) }
            listBindings { result in
                done(Self.tolerant(result, logger).map { bindings in
                    found.inputBindings = bindings ?? []
                    return found
                })
            }
        }
    }

    /// What the app itself refuses is logged and counts as nothing; it was reached.
    private static func tolerant<Value>(
        _ result: Result<Value, AppFailure>, _ logger: Logger
    ) -> Result<Value?, AppFailure> {
        switch result {
        case .success(let value): return .success(value)
        case .failure(let failure):
            switch failure.kind {
            // UNAVAILABLE: broken off, or not ready; it is asked again.
            case .code(14), .unreachable, .timeout, .overloaded: return .failure(failure)
            case .code, .status, .malformed:
                logger.warning("the app's answer is of no use", metadata: ["cause": "\(failure)"])
                return .success(nil)
            }
        }
    }
}
