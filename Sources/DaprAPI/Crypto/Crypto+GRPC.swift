import BuildingBlocks
import DaprProtos
import ProtoWire
import Transport

extension DaprAPI {
    /// Encryption and decryption in Dapr's scheme, as streams.
    func registerCrypto(_ router: GRPCRouter) {
        guard facts.apiRules.permits("crypto", "v1alpha1", wire: "grpc") else { return }
        router.stream(DaprAPI.service + "EncryptAlpha1") { [self] call in
            CryptoStreamCall(call) { (message, output) throws(CryptoStreamCall.Refusal) in
                let request = try CryptoStreamCall.decode(message, as: Dapr_Proto_Runtime_V1_EncryptRequest.self)
                guard let output else { return .init(request.payload, request.hasPayload, hasOptions: request.hasOptions) }
                guard request.hasOptions else { throw .noOptions }
                return .init(
                    request.payload, request.hasPayload,
                    stream: try self.encrypt(CryptoStream.Encryption(request.options), request.options.componentName, call, output))
            }
        }
        router.stream(DaprAPI.service + "DecryptAlpha1") { [self] call in
            CryptoStreamCall(call) { (message, output) throws(CryptoStreamCall.Refusal) in
                let request = try CryptoStreamCall.decode(message, as: Dapr_Proto_Runtime_V1_DecryptRequest.self)
                guard let output else { return .init(request.payload, request.hasPayload, hasOptions: request.hasOptions) }
                guard request.hasOptions else { throw .noOptions }
                return .init(
                    request.payload, request.hasPayload,
                    stream: try self.decrypt(request.options.keyName, request.options.componentName, call, output))
            }
        }
    }

    private func encrypt(
        _ options: CryptoStream.Encryption, _ component: String, _ call: GRPCCall, _ output: any CryptoStreamOutput
    ) throws(CryptoStreamCall.Refusal) -> CryptoStream {
        do throws(CryptoFailure) {
            if options.key.isEmpty { throw .request("missing property 'keyName' in the options message") }
            if options.wrapAlgorithm.isEmpty { throw .request("missing property 'keyWrapAlgorithm' in the options message") }
            return try .encrypting(
                crypto, try crypto.component(component), options, deadline: call.deadlineNanoseconds, output: output)
        } catch { throw .failure(error) }
    }

    private func decrypt(
        _ key: String, _ component: String, _ call: GRPCCall, _ output: any CryptoStreamOutput
    ) throws(CryptoStreamCall.Refusal) -> CryptoStream {
        do throws(CryptoFailure) {
            return .decrypting(
                crypto, try crypto.component(component), key: key, deadline: call.deadlineNanoseconds, output: output)
        } catch { throw .failure(error) }
    }
}

extension CryptoStream.Encryption {
    init(_ options: Dapr_Proto_Runtime_V1_EncryptRequestOptions) {
        self.init(
            key: options.keyName, wrapAlgorithm: options.keyWrapAlgorithm, cipher: options.dataEncryptionCipher,
            omitsKeyName: options.omitDecryptionKeyName, decryptionKey: options.decryptionKeyName)
    }
}
