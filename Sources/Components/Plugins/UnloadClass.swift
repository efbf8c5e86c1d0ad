/// Whether a plugin's code can leave the process again.
package enum UnloadClass: String, Sendable {
    /// Unmapped once nothing of it is in use.
    case clean
    /// Stays mapped for good: a runtime inside can't be unloaded safely.
    case pinned
    /// Takes over signals and threads of the process: only a process of its own may load it.
    case isolatedOnly = "isolated only"
}

extension ELFFile {
    /// The class, and the sign that decided it.
    func unloadClass(needed: [String], symbols: [Symbol], unloadableFlag: Bool?) -> (UnloadClass, String) {
        if symbols.contains(where: { $0.name == "_cgo_init" || $0.name == "runtime.goexit" })
            || notes().contains(where: { $0.owner == "Go" })
        {
            return (.isolatedOnly, "it holds a Go runtime")
        }
        if let swift = needed.first(where: { $0.hasPrefix("libswiftCore") }) { return (.pinned, "it needs \(swift)") }
        let flags = dynamicEntries().first { $0.tag == 0x6fff_fffb }?.value ?? 0
        if flags & 0x8 != 0 { return (.pinned, "it is linked with -z nodelete") }
        if symbols.contains(where: { $0.binding == 10 && $0.isDefined }) {
            return (.pinned, "it defines unique symbols (STB_GNU_UNIQUE)")
        }
        if unloadableFlag == false { return (.pinned, "it does not say that it can be unloaded") }
        return (.clean, "")
    }
}
