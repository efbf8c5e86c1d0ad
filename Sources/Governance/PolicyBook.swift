import Synchronization

/// The policies of all targets, for all event loops: made when a target is first called, and kept with what they remember for as long
/// as the resources say the same of it. Any thread.
package final class PolicyBook: Sendable {
    private struct Rules: Sendable {
        var app: @Sendable ([String]) -> CallPolicy
        var outbound: @Sendable (String, String) -> CallPolicy
    }

    private struct State {
        var rules: Rules?
        var reserve: @Sendable (Governor, Int) -> Void
        var apps: [String: Known] = [:]
        var components: [String: Known] = [:]
    }

    private struct Known {
        var names: [String]
        var governor: Governor?
    }

    private let state: Mutex<State>
    private let number = Atomic(0)
    private let now: @Sendable () -> Int64

    /// Callers choose the names of apps.
    private static let limit = 2048

    /// `now`: CLOCK_MONOTONIC nanoseconds.
    package init(now: @escaping @Sendable () -> Int64) {
        self.now = now
        state = Mutex(State(reserve: { governor, _ in governor.reserved(nil, now: now()) }))
    }

    /// Tokens of shared limits are reserved by `reserve`, which tells `Governor.reserved`; before any call.
    package func reserve(by reserve: @escaping @Sendable (Governor, Int) -> Void) { state.withLock { $0.reserve = reserve } }

    /// Another one after each `set`: what a loop has kept of this book is old then.
    package var version: Int { number.load(ordering: .acquiring) }

    /// The resources say this from now on. `app`: by its names, `outbound`: by the component's name and type.
    package func set(
        app: @escaping @Sendable ([String]) -> CallPolicy, outbound: @escaping @Sendable (String, String) -> CallPolicy
    ) {
        state.withLock { state in
            state.rules = Rules(app: app, outbound: outbound)
            for (key, known) in state.apps where (known.governor?.policy ?? CallPolicy()) != app(known.names) { state.apps[key] = nil }
            for (key, known) in state.components where (known.governor?.policy ?? CallPolicy()) != outbound(known.names[0], known.names[1]) {
                state.components[key] = nil
            }
        }
        number.wrappingAdd(1, ordering: .releasing)
    }

    /// Of the calls of an app; nil: none apply. `names`: the first that is a target counts.
    package func app(_ names: [String]) -> Governor? {
        find(\.apps, names[0], names) { $0.app(names) }
    }

    /// Of the calls of a component.
    package func component(_ name: String, type: String) -> Governor? {
        find(\.components, name, [name, type]) { $0.outbound(name, type) }
    }

    /// Those that have been at work.
    package var all: [Governor] {
        state.withLock { state in
            (Array(state.apps.values) + Array(state.components.values)).compactMap(\.governor)
        }.sorted { $0.target < $1.target }
    }

    private func find(
        _ list: WritableKeyPath<State, [String: Known]>, _ key: String, _ names: [String], _ policy: (Rules) -> CallPolicy
    ) -> Governor? {
        state.withLock { state in
            guard let rules = state.rules else { return nil }
            if let known = state[keyPath: list][key], known.names == names { return known.governor }
            let policy = policy(rules)
            let target = list == \.apps ? "app/\(key)" : "component/\(key)/outbound"
            let governor = policy.isEmpty ? nil : Governor(target: target, policy: policy, now: now(), reserve: state.reserve)
            if state[keyPath: list].count >= Self.limit { state[keyPath: list].removeAll() }
            state[keyPath: list][key] = Known(names: names, governor: governor)
            return governor
        }
    }
}
