package import Components
import Logging

/// Does what the app asks for in its answer to an event: items of state are saved, and output bindings called with `create`.
/// As in Dapr, what fails is told to the log alone: the app has taken the event. On one event loop.
package final class BindingAnswers {
    private let bindings: BindingsAPI
    private let state: StateAPI
    private static let logger = Logger(label: "octavo.bindings")

    package init(loop: CallLoop, identity: AppIdentity) {
        bindings = BindingsAPI(loop: loop)
        state = StateAPI(loop: loop, identity: identity)
    }

    /// `done` is called once, when all of it has ended; maybe before this returns.
    func carryOut(_ reply: AppBindingReply, of binding: String, done: @escaping () -> Void) {
        var waiting = 1
        let ended = {
            waiting -= 1
            if waiting == 0 { done() }
        }
        if !reply.states.isEmpty {
            waiting += 1
            save(reply, binding, ended)
        }
        if reply.isParallel {
            waiting += reply.to.count
            for output in reply.to { create(output, reply, binding) { _ in ended() } }
        } else if !reply.to.isEmpty {
            waiting += 1
            inTurn(reply, binding, 0, ended)
        }
        ended()
    }

    /// One after the other; the first that fails is the last.
    private func inTurn(_ reply: AppBindingReply, _ binding: String, _ index: Int, _ done: @escaping () -> Void) {
        guard index < reply.to.count else { return done() }
        create(reply.to[index], reply, binding) { isDone in
            if isDone { self.inTurn(reply, binding, index + 1, done) } else { done() }
        }
    }

    private func create(_ output: String, _ reply: AppBindingReply, _ binding: String, _ done: @escaping (Bool) -> Void) {
        do throws(BindingFailure) {
            try bindings.invoke(
                BindingInvocation(binding: output, operation: "create", contentType: "application/json"), data: reply.forwarded, deadline: 0
            ) { result in
                if case .failure(let failure) = result { Self.say(binding, "binding \(output)", failure.cause) }
                done((try? result.get()) != nil)
            }
        } catch {
            Self.say(binding, "binding \(output)", error.cause)
            done(false)
        }
    }

    private func save(_ reply: AppBindingReply, _ binding: String, _ done: @escaping () -> Void) {
        do throws(StateFailure) {
            let store = try state.store(reply.storeName)
            try state.write(store, reply.states, .save, deadline: 0) { failure in
                if let failure { Self.say(binding, "state store \(reply.storeName)", "\(failure)") }
                done()
            }
        } catch {
            Self.say(binding, "state store \(reply.storeName)", "\(error)")
            done()
        }
    }

    private static func say(_ binding: String, _ target: String, _ cause: String) {
        logger.error(
            "what the app answered to an event could not be carried out",
            metadata: ["binding": "\(binding)", "target": "\(target)", "cause": "\(cause)"])
    }
}
