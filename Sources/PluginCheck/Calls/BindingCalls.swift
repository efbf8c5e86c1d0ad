import COctavo

/// A binding, called in the terms of a test.
package struct BindingCalls: Sendable {
    package let instance: any PluginCaller

    package struct Answer: Sendable {
        /// nil: there is none.
        package var data: [UInt8]?
        package var metadata: [String: String] = [:]

        package var text: String { String(decoding: data ?? [], as: UTF8.self) }
    }

    package init(_ instance: any PluginCaller) { self.instance = instance }

    @discardableResult
    package func invoke(_ operation: String, _ data: [UInt8] = [], _ metadata: [(String, String)] = []) throws -> Answer {
        let arena = Arena()
        var request = octavo_binding_invoke_request()
        request.head = head(octavo_binding_invoke_request.self)
        request.operation = arena.str(operation)
        request.data = arena.bytes(data)
        request.head.metadata = arena.list(metadata.map { octavo_pair(name: arena.str($0.0), value: arena.str($0.1)) })
        let answer = try instance.call(OCTAVO_BINDING_OP_INVOKE, request, arena) { reply in
            let reply = reply.assumingMemoryBound(to: octavo_binding_invoke_reply.self).pointee
            var answer = Answer()
            answer.data = bytes(reply.data)
            for pair in elements(reply.metadata, of: octavo_pair.self) { answer.metadata[text(pair.name) ?? ""] = text(pair.value) ?? "" }
            return answer
        }
        return answer ?? Answer()
    }

    @discardableResult
    package func invoke(_ operation: String, _ text: String, _ metadata: [(String, String)] = []) throws -> Answer {
        try invoke(operation, Array(text.utf8), metadata)
    }
}
