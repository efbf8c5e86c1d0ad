import BuildingBlocks
import COctavo
import Components
import DaprProtos
import Transport

extension DaprAPI {
    /// Single operations on keys, in one message each.
    func registerSubtleCrypto(_ router: GRPCRouter) {
        func add(_ name: String, _ body: @escaping (DaprAPI, GRPCCall, UnsafeRawBufferPointer) -> Void) {
            method(router, "Subtle\(name)Alpha1", "subtlecrypto", "v1alpha1", body)
        }
        add("GetKey") { api, call, bytes in api.subtleGetKey(call, bytes) }
        add("Encrypt") { api, call, bytes in api.subtleEncrypt(call, bytes) }
        add("Decrypt") { api, call, bytes in api.subtleDecrypt(call, bytes) }
        add("WrapKey") { api, call, bytes in api.subtleWrapKey(call, bytes) }
        add("UnwrapKey") { api, call, bytes in api.subtleUnwrapKey(call, bytes) }
        add("Sign") { api, call, bytes in api.subtleSign(call, bytes) }
        add("Verify") { api, call, bytes in api.subtleVerify(call, bytes) }
    }

    /// Runs `body` with the component of that name.
    private func with(_ component: String, _ call: GRPCCall, _ body: (ComponentRef) -> Void) {
        do throws(CryptoFailure) { body(try crypto.component(component)) } catch { call.fail(APIError(error)) }
    }

    private func run(
        _ call: GRPCCall, _ component: String, _ op: Int32, _ operation: CryptoOperation,
        _ reply: @escaping (CryptoAPI.Output) -> Void
    ) {
        with(component, call) { ref in
            crypto.run(ref, op, operation, deadline: call.deadlineNanoseconds) { result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure))
                case .success(let output): reply(output)
                }
            }
        }
    }

    private func subtleGetKey(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_SubtleGetKeyRequest.self) else { return }
        with(request.componentName, call) { ref in
            crypto.publicKey(
                ref, name: request.name, format: Int32(truncatingIfNeeded: request.format.rawValue),
                deadline: call.deadlineNanoseconds
            ) { result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure))
                case .success(let found):
                    call.reply(
                        Dapr_Proto_Runtime_V1_SubtleGetKeyResponse.with {
                            $0.name = found.name
                            $0.publicKey = found.key
                        })
                }
            }
        }
    }

    private func subtleEncrypt(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_SubtleEncryptRequest.self) else { return }
        let operation = CryptoOperation(
            key: request.keyName, algorithm: request.algorithm, data: request.plaintext, nonce: request.nonce,
            associatedData: request.associatedData)
        run(call, request.componentName, OCTAVO_CRYPTO_OP_ENCRYPT, operation) { output in
            call.reply(
                Dapr_Proto_Runtime_V1_SubtleEncryptResponse.with {
                    $0.ciphertext = output.data
                    $0.tag = output.tag
                })
        }
    }

    private func subtleDecrypt(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_SubtleDecryptRequest.self) else { return }
        let operation = CryptoOperation(
            key: request.keyName, algorithm: request.algorithm, data: request.ciphertext, nonce: request.nonce,
            tag: request.tag, associatedData: request.associatedData)
        run(call, request.componentName, OCTAVO_CRYPTO_OP_DECRYPT, operation) { output in
            call.reply(Dapr_Proto_Runtime_V1_SubtleDecryptResponse.with { $0.plaintext = output.data })
        }
    }

    private func subtleWrapKey(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_SubtleWrapKeyRequest.self) else { return }
        let operation = CryptoOperation(
            key: request.keyName, algorithm: request.algorithm, data: request.plaintextKey, nonce: request.nonce,
            associatedData: request.associatedData)
        run(call, request.componentName, OCTAVO_CRYPTO_OP_WRAP, operation) { output in
            call.reply(
                Dapr_Proto_Runtime_V1_SubtleWrapKeyResponse.with {
                    $0.wrappedKey = output.data
                    $0.tag = output.tag
                })
        }
    }

    private func subtleUnwrapKey(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_SubtleUnwrapKeyRequest.self) else { return }
        let operation = CryptoOperation(
            key: request.keyName, algorithm: request.algorithm, data: request.wrappedKey, nonce: request.nonce,
            tag: request.tag, associatedData: request.associatedData)
        run(call, request.componentName, OCTAVO_CRYPTO_OP_UNWRAP, operation) { output in
            call.reply(Dapr_Proto_Runtime_V1_SubtleUnwrapKeyResponse.with { $0.plaintextKey = output.data })
        }
    }

    private func subtleSign(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_SubtleSignRequest.self) else { return }
        let operation = CryptoOperation(key: request.keyName, algorithm: request.algorithm, data: request.digest)
        run(call, request.componentName, OCTAVO_CRYPTO_OP_SIGN, operation) { output in
            call.reply(Dapr_Proto_Runtime_V1_SubtleSignResponse.with { $0.signature = output.data })
        }
    }

    private func subtleVerify(_ call: GRPCCall, _ bytes: UnsafeRawBufferPointer) {
        guard let request = call.decode(bytes, as: Dapr_Proto_Runtime_V1_SubtleVerifyRequest.self) else { return }
        let operation = CryptoOperation(
            key: request.keyName, algorithm: request.algorithm, data: request.digest, signature: request.signature)
        with(request.componentName, call) { ref in
            crypto.verify(ref, operation, deadline: call.deadlineNanoseconds) { result in
                switch result {
                case .failure(let failure): call.fail(APIError(failure))
                case .success(let valid): call.reply(Dapr_Proto_Runtime_V1_SubtleVerifyResponse.with { $0.valid = valid })
                }
            }
        }
    }
}
