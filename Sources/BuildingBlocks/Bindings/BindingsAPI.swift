import COctavo
package import Components
import Tracing

/// What an app wants an output binding to do.
package struct BindingInvocation {
    package var binding: String
    package var operation: String
    package var contentType: String
    package var metadata: [(String, String)]

    package init(binding: String, operation: String, contentType: String = "", metadata: [(String, String)] = []) {
        self.binding = binding
        self.operation = operation
        self.contentType = contentType
        self.metadata = metadata
    }

    /// Adds what came with the request unless the app has written it itself; empty values are left out.
    package mutating func add(_ name: String, _ value: String?) {
        guard let value, !value.isEmpty, !metadata.contains(where: { $0.0 == name }) else { return }
        metadata.append((name, value))
    }
}

/// What an output binding answered.
package struct BindingAnswer: Sendable {
    /// nil: it has nothing to tell.
    package var data: [UInt8]?
    package var contentType: String
    package var metadata: [(String, String)]
}

/// The bindings building block on one event loop: operations of output bindings.
package final class BindingsAPI {
    package let loop: CallLoop

    package typealias Done = (Result<BindingAnswer, BindingFailure>) -> Void

    package init(loop: CallLoop) { self.loop = loop }

    /// Carries out an operation. `done` is called once; not when this throws. `deadline`: CLOCK_MONOTONIC nanoseconds, 0 for
    /// none.
    package func invoke(
        _ invocation: BindingInvocation, data: [UInt8], deadline: Int64, done: @escaping Done
    ) throws(BindingFailure) {
        guard let ref = loop.component(named: invocation.binding), ref.kind == OCTAVO_KIND_BINDING, BindingDirection(ref).isOutput
        else { throw .notFound(binding: invocation.binding) }
        let waiter = InvokeWaiter(invocation.binding, invocation.operation, loop.tracer.meter, done)
        if ref.startsOnDemand {
            ref.whenSettled { Self.submit(ref, invocation, data, deadline, waiter) }
        } else {
            Self.submit(ref, invocation, data, deadline, waiter)
        }
    }

    private static func submit(
        _ ref: ComponentRef, _ invocation: BindingInvocation, _ data: [UInt8], _ deadline: Int64, _ waiter: InvokeWaiter
    ) {
        // A component that only delivers, of a plugin that has the function all the same.
        if ref.isReady, !ref.supports(OCTAVO_BINDING_OP_INVOKE) { return waiter.hasNone() }
        let extra = invocation.metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 34 }
        guard
            var slot = ref.open(
                OCTAVO_BINDING_OP_INVOKE, octavo_binding_invoke_request.self,
                bytes: data.count + invocation.operation.utf8.count + invocation.contentType.utf8.count + extra + 32,
                deadline: deadline, waiter: waiter)
        else { return }
        let request = slot.request
        request.pointee.operation = slot.text(invocation.operation)
        request.pointee.data = data.withUnsafeBytes { slot.bytes($0) }
        if !invocation.contentType.isEmpty { request.pointee.content_type = slot.text(invocation.contentType) }
        if !invocation.metadata.isEmpty { request.pointee.head.metadata = slot.pairs(invocation.metadata) }
        slot.submit()
    }
}

private final class InvokeWaiter: CallWaiter {
    private let binding: String
    private let operation: String
    private let meter: (any BlockMeter)?
    private let startedAt = monotonicNow()
    private let done: BindingsAPI.Done

    init(_ binding: String, _ operation: String, _ meter: (any BlockMeter)?, _ done: @escaping BindingsAPI.Done) {
        self.meter = meter
        self.binding = binding
        self.operation = operation
        self.done = done
    }

    func hasNone() { done(.failure(.notFound(binding: binding))) }

    private func measure(failed: Bool) {
        meter?.bound(component: binding, operation: operation, failed: failed, nanoseconds: monotonicNow() &- startedAt)
    }

    override func completed(_ reply: UnsafeRawPointer?) {
        measure(failed: false)
        guard let reply = reply?.loadUnaligned(as: octavo_binding_invoke_reply.self) else {
            return done(.success(BindingAnswer(data: nil, contentType: "", metadata: [])))
        }
        done(
            .success(
                BindingAnswer(
                    data: reply.data.isPresent ? Array(reply.data.bytes) : nil, contentType: String(reply.content_type),
                    metadata: reply.metadata.elements(as: octavo_pair.self).map { (String($0.name), String($0.value)) })))
    }

    override func failed(_ error: CallError) {
        measure(failed: true)
        done(.failure(.component(binding: binding, operation: operation, error: error)))
    }
}
