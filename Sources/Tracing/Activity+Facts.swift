/// What is told of an activity while it is under way; kept only for one that is recorded.
extension Activity {
    /// It publishes to a topic. Source: Dapr's spans.
    package func note(topic: String) {
        guard isRecorded else { return }
        attributes += [SpanAttribute("messaging.system", "pubsub"), SpanAttribute("messaging.destination.name", topic)]
    }

    /// It calls a method of an app. Source: Dapr's spans.
    package func note(app: String, method: String) {
        if target.isEmpty { target = app }
        isInvocation = true
        guard isRecorded else { return }
        let method = method.drop { $0 == "/" }.prefix { $0 != "?" }
        name = "CallLocal/\(app)/\(method)"
        attributes += [
            SpanAttribute("dapr.invoke_method", String(method)), SpanAttribute("rpc.service", "ServiceInvocation"),
            SpanAttribute("net.peer.name", app),
        ]
    }
}
