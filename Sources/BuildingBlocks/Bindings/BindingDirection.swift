import Components
import TextSearch

/// The ways that the metadata of a component open. Source: Dapr's `direction`, `input`, `output` or both with a comma.
struct BindingDirection {
    /// Nothing is said: it is an output binding, and an input binding if the app wants it.
    let isGiven: Bool
    let isInput: Bool
    let isOutput: Bool

    init(_ ref: ComponentRef) { self.init(ref.runtimeSettings["direction"] ?? "") }

    init(_ text: String) {
        let words = text.lowercased().split { $0 == "," || $0 == " " }
        isGiven = !words.isEmpty
        isInput = !isGiven || words.contains("input")
        isOutput = !isGiven || words.contains("output")
    }
}
