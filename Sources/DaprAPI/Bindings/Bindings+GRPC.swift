import BuildingBlocks
import DaprProtos
import Transport

extension DaprAPI {
    func registerBindings(_ router: GRPCRouter) {
        method(router, "InvokeBinding", "bindings", "v1") { api, call, bytes in api.invokeBinding(call, bytes) }
    }

    private func invokeBinding(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_InvokeBindingRequest.self) else { return }
        var invocation = BindingInvocation(
            binding: request.name, operation: request.operation, metadata: request.metadata.map { ($0.key, $0.value) })
        let trace = call.trace
        invocation.add("traceparent", trace.parent)
        invocation.add("tracestate", trace.state)
        invocation.add("baggage", call.metadata("baggage" as StaticString))
        do throws(BindingFailure) {
            try bindings.invoke(invocation, data: Array(request.data), deadline: call.deadlineNanoseconds) { result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure))
                case .success(let answer):
                    call.reply(
                        Dapr_Proto_Runtime_V1_InvokeBindingResponse.with {
                            if let data = answer.data { $0.data = data }
                            for (name, value) in answer.metadata { $0.metadata[name] = value }
                        })
                }
            }
        } catch {
            call.fail(APIError(error))
        }
    }
}
