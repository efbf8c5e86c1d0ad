import BuildingBlocks
import DaprProtos
import NIOCore
import Transport

extension DaprAPI {
    func registerConfiguration(_ router: GRPCRouter) {
        // Dapr's SDKs use some methods under their old names, some under the new ones.
        for (suffix, version) in [("", "v1"), ("Alpha1", "v1alpha1")] {
            method(router, "GetConfiguration" + suffix, "configuration", version) { api, call, bytes in
                api.getConfiguration(call, bytes)
            }
            method(router, "UnsubscribeConfiguration" + suffix, "configuration", version) { api, call, bytes in
                api.unsubscribeConfiguration(call, bytes)
            }
            guard facts.apiRules.permits("configuration", version, wire: "grpc") else { continue }
            router.stream(DaprAPI.service + "SubscribeConfiguration" + suffix) { [self] call in ConfigurationStream(call, self) }
        }
    }

    private func getConfiguration(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_GetConfigurationRequest.self) else { return }
        do throws(ConfigurationFailure) {
            try configuration.get(
                store: request.storeName, keys: request.keys, metadata: request.metadata.map { ($0.key, $0.value) },
                deadline: call.deadlineNanoseconds
            ) { result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure))
                case .success(let items):
                    call.reply(
                        Dapr_Proto_Runtime_V1_GetConfigurationResponse.with {
                            for item in items { $0.items[item.key] = item.message }
                        })
                }
            }
        } catch {
            call.fail(APIError(error))
        }
    }

    private func unsubscribeConfiguration(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_UnsubscribeConfigurationRequest.self) else { return }
        do throws(ConfigurationFailure) {
            let held = NIOLoopBound(call, eventLoop: call.eventLoop)
            try unsubscribe(request.id, store: request.storeName, loop: call.eventLoop) { problem in
                held.value.reply(
                    Dapr_Proto_Runtime_V1_UnsubscribeConfigurationResponse.with {
                        $0.ok = problem == nil
                        $0.message = problem ?? ""
                    })
            }
        } catch {
            call.fail(APIError(error))
        }
    }

    /// Ends a subscription, wherever it is, then calls `done` on `loop`, with what is wrong if something is.
    func unsubscribe(
        _ id: String, store: String, loop: any EventLoop, done: @escaping @Sendable (String?) -> Void
    ) throws(ConfigurationFailure) {
        try configuration.require(store: store)
        guard let entry = facts.configurationSubscriptions.remove(id, store: store) else {
            return done("there is no subscription \(id) to configuration store \(store); has it been ended already?")
        }
        entry.loop.execute {
            entry.end.value()
            loop.execute { done(nil) }
        }
    }
}

extension ConfigurationItem {
    /// Dapr has no word for an item that was removed: it is an empty one, which says so in its metadata.
    var shown: (value: String, metadata: [(String, String)]) {
        value.map { ($0, metadata) } ?? ("", metadata + [("removed", "true")])
    }

    var message: Dapr_Proto_Common_V1_ConfigurationItem {
        let shown = shown
        return .with {
            $0.value = shown.value
            $0.version = version
            for (name, value) in shown.metadata { $0.metadata[name] = value }
        }
    }
}
