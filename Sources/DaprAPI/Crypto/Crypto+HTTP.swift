import BuildingBlocks
import Transport

extension DaprAPI {
    /// `PUT /v1.0-alpha1/crypto/<component>/encrypt` and `/decrypt`: who takes the body. `nil` when the route is another one,
    /// or the request has been answered.
    func openCrypto(_ request: HTTPRequest, _ target: RequestTarget) -> CryptoBody? {
        let path = target.segments
        guard request.method == "PUT", path.count == 4, path[3] == "encrypt" || path[3] == "decrypt" else { return nil }
        let body = CryptoBody(request)
        do throws(CryptoFailure) {
            let component = try crypto.component(path[2])
            if path[3] == "encrypt" {
                body.stream = try .encrypting(crypto, component, try options(request), deadline: 0, output: body)
            } else {
                let key = request.headers["dapr-key-name" as StaticString] ?? ""
                body.stream = .decrypting(crypto, component, key: key, deadline: 0, output: body)
            }
        } catch {
            request.fail(APIError(error))
            return nil
        }
        return body
    }

    /// The same for a request whose body is there already.
    func routeCrypto(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        guard let body = openCrypto(request, target) else { return request.isEnded }
        // Nobody else holds it until the component has answered.
        if !request.isEnded { request.onCancel = { _ in body.stream?.cancel() } }
        body.receive(request.body)
        body.end()
        return true
    }

    private func options(_ request: HTTPRequest) throws(CryptoFailure) -> CryptoStream.Encryption {
        let headers = request.headers
        guard let key = headers["dapr-key-name" as StaticString], !key.isEmpty else {
            throw .request("missing header 'dapr-key-name'")
        }
        guard let algorithm = headers["dapr-key-wrap-algorithm" as StaticString], !algorithm.isEmpty else {
            throw .request("missing header 'dapr-key-wrap-algorithm'")
        }
        let omits = headers["dapr-omit-decryption-key-name" as StaticString] ?? ""
        return CryptoStream.Encryption(
            key: key, wrapAlgorithm: algorithm, cipher: headers["dapr-data-encryption-cipher" as StaticString] ?? "",
            // Source: Dapr's words for yes.
            omitsKeyName: ["y", "yes", "true", "t", "on", "1"].contains(omits.lowercased()),
            decryptionKey: headers["dapr-decryption-key-name" as StaticString] ?? "")
    }
}
