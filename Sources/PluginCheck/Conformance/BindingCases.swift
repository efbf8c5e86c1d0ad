import COctavo

/// What every binding must do. What its operations mean is its own affair, so that little is common: but a binding that is
/// output and input of one place, as of a queue, delivers what is created.
package enum BindingCases {
    package static let all: [ConformanceCase] = [unknown, unnamed, reopened, delivered, again, window, ended]

    private static let output = UInt64(OCTAVO_BINDING_OUTPUT), input = UInt64(OCTAVO_BINDING_INPUT), both = output | input

    static let unknown = ConformanceCase(
        "an operation that there is not is refused", needs: output, section: "binding.h: invoke"
    ) { instance, scope in
        let end = try code { try BindingCalls(instance).invoke("octavo-check-no-such-operation", "x") }
        try require(
            ["UNIMPLEMENTED", "INVALID_ARGUMENT"].contains(end),
            "An unknown operation ended with \(end), not with UNIMPLEMENTED or INVALID_ARGUMENT.")
    }

    static let unnamed = ConformanceCase(
        "a call without an operation is refused", needs: output, section: "binding.h: operation"
    ) { instance, scope in
        let end = try code { try BindingCalls(instance).invoke("", "x") }
        try require(
            ["UNIMPLEMENTED", "INVALID_ARGUMENT"].contains(end),
            "A call without an operation ended with \(end), not with UNIMPLEMENTED or INVALID_ARGUMENT.")
    }

    static let reopened = ConformanceCase(
        "a source is opened and closed, again and again", needs: input, section: "binding.h: read, close"
    ) { instance, scope in
        for window in [1, 16, 1] as [UInt32] { try instance.read(window: window).end() }
    }

    /// Whether what is created comes back: other bindings of both directions read another place than they write to.
    private static func create(_ instance: any PluginCaller, _ text: String) throws -> Bool {
        do {
            try BindingCalls(instance).invoke("create", text)
            return true
        } catch let failure as PluginFailure where [OCTAVO_CODE_UNIMPLEMENTED, OCTAVO_CODE_INVALID_ARGUMENT].contains(failure.code) {
            return false
        }
    }

    /// The next event with that text; others, left by cases before, are acknowledged.
    private static func next(_ listener: PubSubListener, _ text: String, _ what: String) throws -> PubSubListener.Message {
        for _ in 0..<10_000 {
            let event = try require(listener.next(), "\(what) was not delivered within 5 s.")
            if event.text == text { return event }
            event.acknowledge()
        }
        throw CaseFailure(description: "\(what) was not among 10000 events.")
    }

    static let delivered = ConformanceCase(
        "what is created is delivered, once", needs: both, section: "binding.h: octavo_binding_event"
    ) { instance, scope in
        let listener = try instance.read(window: 16)
        for number in 0..<20 {
            guard try create(instance, scope + "\(number)") else { return listener.end() }
            try next(listener, scope + "\(number)", "What was created").acknowledge()
        }
        let count = listener.count
        guard try create(instance, scope + "last") else { return listener.end() }
        try next(listener, scope + "last", "What was created").acknowledge()
        try require(listener.count == count + 1, "After one event was created \(listener.count - count) were delivered.")
        listener.end()
    }

    static let again = ConformanceCase(
        "an event that was refused comes again", needs: both, section: "octavo_stream.h: OCTAVO_SETTLE_RETRY"
    ) { instance, scope in
        let listener = try instance.read(window: 16)
        guard try create(instance, scope + "a") else { return listener.end() }
        for round in 1...3 {
            let event = try next(listener, scope + "a", round == 1 ? "What was created" : "An event that was settled with RETRY")
            if round < 3 { event.retry() } else { event.acknowledge() }
        }
        listener.end()
    }

    static let window = ConformanceCase(
        "no more events are delivered than there is credit", needs: both, section: "octavo_stream.h: credit"
    ) { instance, scope in
        let listener = try instance.read(window: 2)
        for number in 0..<12 { guard try create(instance, scope + "\(number)") else { return listener.end() } }
        var settled = 0, seen: Set<String> = []
        while seen.count < 12 {
            let event = try require(listener.next(), "Of 12 events only \(seen.count) were delivered within 5 s.")
            try require(
                listener.count <= settled + 2, "With credit for 2 events and \(settled) settled, \(listener.count) were delivered.")
            if event.text.hasPrefix(scope) { seen.insert(event.text) }
            event.acknowledge()
            settled += 1
        }
        listener.end()
    }

    static let ended = ConformanceCase(
        "what was not delivered before the end comes to the next reader", needs: both, section: "binding.h: close"
    ) { instance, scope in
        let first = try instance.read(window: 16)
        guard try create(instance, scope + "1") else { return first.end() }
        try next(first, scope + "1", "What was created").acknowledge()
        first.end()
        let count = first.count
        _ = try create(instance, scope + "2")
        let second = try instance.read(window: 16)
        try next(second, scope + "2", "What was created while nobody read").acknowledge()
        try require(first.count == count, "\(first.count - count) events were delivered after close was completed.")
        second.end()
    }
}
