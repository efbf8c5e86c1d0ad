/// Memory inside the plugin's image for tables that live as long as it is loaded.
enum Static {
    static func room<Element>(for type: Element.Type, _ count: Int) -> UnsafeMutablePointer<Element> {
        plugin_kit_static(max(count, 1) * MemoryLayout<Element>.stride).bindMemory(to: type, capacity: max(count, 1))
    }

    static func keep<Element>(_ value: Element) -> UnsafePointer<Element> {
        let memory = room(for: Element.self, 1)
        memory.initialize(to: value)
        return UnsafePointer(memory)
    }

    static func texts(_ literals: [StaticString]) -> octavo_list {
        let texts = room(for: octavo_str.self, literals.count)
        for index in literals.indices { texts[index] = Str(literals[index]) }
        return octavo_list(UnsafeBufferPointer(start: texts, count: literals.count))
    }
}
