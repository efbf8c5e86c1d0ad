import BuildingBlocks
import COctavo
import Components
import JSONText
import Transport

extension DaprAPI {
    /// `POST /v1.0-alpha1/subtlecrypto/<component>/<operation>`: the gRPC messages as JSON.
    func routeSubtleCrypto(_ request: HTTPRequest, _ target: RequestTarget) -> Bool {
        let path = target.segments
        guard request.method == "POST", path.count == 4, let operation = SubtleOperation(rawValue: path[3]) else { return false }
        do throws(SubtleBody.Malformed) {
            let body = try SubtleBody(request)
            do throws(CryptoFailure) {
                try run(operation, try crypto.component(path[2]), body, request)
            } catch { request.fail(APIError(error)) }
        } catch { request.failMalformed(error.cause) }
        return true
    }

    private func run(
        _ operation: SubtleOperation, _ component: ComponentRef, _ body: SubtleBody, _ request: HTTPRequest
    ) throws(CryptoFailure) {
        switch operation {
        case .getkey:
            crypto.publicKey(component, name: body.text("name"), format: try body.keyFormat(), deadline: 0) { result in
                answer(request, result) { found, writer in
                    writer.member("name", found.name)
                    writer.member("publicKey", found.key)
                }
            }
        case .verify:
            crypto.verify(component, try body.operation("digest"), deadline: 0) { result in
                answer(request, result) { valid, writer in
                    writer.name("valid")
                    writer.value(.bool(valid))
                }
            }
        default:
            crypto.run(component, operation.op, try body.operation(operation.input), deadline: 0) { result in
                answer(request, result) { output, writer in
                    writer.member(operation.output, SubtleBody.text(output.data))
                    if !output.tag.isEmpty { writer.member("tag", SubtleBody.text(output.tag)) }
                }
            }
        }
    }
}

private func answer<Value>(
    _ request: HTTPRequest, _ result: Result<Value, CryptoFailure>, _ body: (Value, inout JSONWriter) -> Void
) {
    switch result {
    case .failure(let failure): request.fail(APIError(failure))
    case .success(let value):
        var writer = JSONWriter()
        writer.beginObject()
        body(value, &writer)
        writer.endObject()
        request.respond(json: writer.bytes)
    }
}

private enum SubtleOperation: String {
    case getkey, encrypt, decrypt, wrapkey, unwrapkey, sign, verify

    var op: Int32 {
        switch self {
        case .getkey: OCTAVO_CRYPTO_OP_PUBLIC_KEY
        case .encrypt: OCTAVO_CRYPTO_OP_ENCRYPT
        case .decrypt: OCTAVO_CRYPTO_OP_DECRYPT
        case .wrapkey: OCTAVO_CRYPTO_OP_WRAP
        case .unwrapkey: OCTAVO_CRYPTO_OP_UNWRAP
        case .sign: OCTAVO_CRYPTO_OP_SIGN
        case .verify: OCTAVO_CRYPTO_OP_VERIFY
        }
    }

    /// The member that is worked on.
    var input: String {
        switch self {
        case .encrypt: "plaintext"
        case .decrypt: "ciphertext"
        case .wrapkey: "plaintextKey"
        case .unwrapkey: "wrappedKey"
        default: "digest"
        }
    }

    /// The member of the reply.
    var output: String {
        switch self {
        case .encrypt: "ciphertext"
        case .decrypt: "plaintext"
        case .wrapkey: "wrappedKey"
        case .unwrapkey: "plaintextKey"
        default: "signature"
        }
    }
}

/// The JSON form of a request message: names in camel case or as they are in the message, bytes in Base64 of either
/// alphabet (protocol buffers' JSON mapping).
private struct SubtleBody {
    struct Malformed: Error { let cause: String }

    private let value: JSONValue

    init(_ request: HTTPRequest) throws(Malformed) {
        let result = request.withBody { bytes -> Result<JSONValue, Malformed> in
            do throws(JSONError) { return .success(try JSONValue(parsing: bytes)) } catch {
                return .failure(Malformed(cause: "\(error)"))
            }
        }
        value = try result.get()
        guard value.members != nil else { throw Malformed(cause: "the body is not a JSON object") }
    }

    private subscript(_ name: String) -> JSONValue? {
        if let found = value[name] { return found }
        let words = name.map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }.joined()
        return value[words]
    }

    func text(_ name: String) -> String { self[name]?.string ?? "" }

    func operation(_ input: String) throws(CryptoFailure) -> CryptoOperation {
        CryptoOperation(
            key: text("keyName"), algorithm: text("algorithm"), data: try bytes(input), nonce: try bytes("nonce"),
            tag: try bytes("tag"), associatedData: try bytes("associatedData"), signature: try bytes("signature"))
    }

    func keyFormat() throws(CryptoFailure) -> Int32 {
        switch self["format"] {
        case nil, .null?, .string("PEM")?, .number("0")?: return OCTAVO_KEY_PEM
        case .string("JSON")?, .number("1")?: return OCTAVO_KEY_JWK
        default: throw .request("the member format is neither PEM nor JSON")
        }
    }

    private func bytes(_ name: String) throws(CryptoFailure) -> [UInt8] {
        guard let value = self[name], value != .null else { return [] }
        guard let text = value.string else { throw .request("the member \(name) is not a string of Base64") }
        if text.isEmpty { return [] }
        var digits = text.utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "+") : $0 == UInt8(ascii: "_") ? UInt8(ascii: "/") : $0 }
        while digits.count % 4 != 0 { digits.append(UInt8(ascii: "=")) }
        guard let bytes = digits.withUnsafeBytes({ Base64Text.decode($0) }) else {
            throw .request("the member \(name) is not Base64")
        }
        return bytes
    }

    static func text(_ bytes: [UInt8]) -> String { String(decoding: Base64Text.encode(bytes, suffix: []), as: UTF8.self) }
}
