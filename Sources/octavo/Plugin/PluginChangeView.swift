import AdminAPI
import Console

/// What a load, reload or unload did, for eyes: `Reloaded redis in 12 ms: generation 3 → 4, version
/// 1.4.0 → 1.5.0, 2 components (cart, stock), 14 calls drained.`
enum PluginChangeView {
    static func text(_ change: PluginChange, verb: String) -> String {
        var facts: [String] = []
        if let plugin = change.plugin {
            facts.append("generation " + arrow(change.fromGeneration.map(String.init), "\(plugin.generation)"))
            if let version = plugin.version { facts.append("version " + arrow(change.fromVersion, version)) }
            if plugin.state != .ready { facts.append(plugin.state.rawValue) }
        }
        if !change.components.isEmpty {
            let names = change.components.joined(separator: ", ")
            facts.append("\(HumanFormat.count(change.components.count, "component")) (\(names))")
        }
        if change.drainedCalls > 0 { facts.append("\(HumanFormat.count(change.drainedCalls, "call")) drained") }
        if change.abandonedCalls > 0 { facts.append("\(HumanFormat.count(change.abandonedCalls, "call")) ended") }
        let time = "in \(HumanFormat.duration(nanoseconds: change.durationNanoseconds))"
        let line = "\(verb) \(change.name) \(time)" + (facts.isEmpty ? "" : ": \(facts.joined(separator: ", "))") + "."
        return ([line] + change.notes).map { $0.printable + "\n" }.joined()
    }

    private static func arrow(_ before: String?, _ after: String) -> String {
        before == nil || before == after ? after : "\(before!) → \(after)"
    }
}
