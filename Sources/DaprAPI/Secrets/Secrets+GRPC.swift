import BuildingBlocks
import DaprProtos
import Transport

extension DaprAPI {
    func registerSecrets(_ router: GRPCRouter) {
        method(router, "GetSecret", "secrets", "v1") { api, call, bytes in api.getSecret(call, bytes) }
        method(router, "GetBulkSecret", "secrets", "v1") { api, call, bytes in api.getBulkSecret(call, bytes) }
    }

    /// Whether the configuration lets this app read the secret.
    func permits(_ secret: String, of store: String) -> Bool {
        facts.secretScopes.first { $0.store == store }?.permits(secret) ?? true
    }

    private func getSecret(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_GetSecretRequest.self) else { return }
        do throws(SecretFailure) {
            try secrets.require(store: request.storeName)
            if !permits(request.key, of: request.storeName) {
                call.fail(APIError.secretDenied(store: request.storeName, name: request.key))
                return
            }
            try secrets.get(
                store: request.storeName, name: request.key, metadata: request.metadata.map { ($0.key, $0.value) },
                deadline: call.deadlineNanoseconds
            ) { result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure))
                case .success(let pairs):
                    call.reply(
                        Dapr_Proto_Runtime_V1_GetSecretResponse.with {
                            for (name, value) in pairs { $0.data[name] = value }
                        })
                }
            }
        } catch {
            call.fail(APIError(error))
        }
    }

    private func getBulkSecret(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_GetBulkSecretRequest.self) else { return }
        do throws(SecretFailure) {
            try secrets.bulkGet(
                store: request.storeName, metadata: request.metadata.map { ($0.key, $0.value) },
                deadline: call.deadlineNanoseconds
            ) { [self] result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure))
                case .success(let all):
                    call.reply(
                        Dapr_Proto_Runtime_V1_GetBulkSecretResponse.with {
                            for secret in all where permits(secret.name, of: request.storeName) {
                                $0.data[secret.name] = .with {
                                    for (name, value) in secret.pairs { $0.secrets[name] = value }
                                }
                            }
                        })
                }
            }
        } catch {
            call.fail(APIError(error))
        }
    }
}
