import Testing

@testable import Resources

@Suite("HTTP endpoints")
struct HTTPEndpointTests {
    private func read(_ spec: String, _ more: String = "") -> (resource: HTTPEndpointResource?, said: [String]) {
        let text = "apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata: {name: n}\nspec: \(spec)\n\(more)"
        let outcome = ResourceText.read(Array(text.utf8), file: "f.yaml")
        guard case .httpEndpoint(let resource)? = outcome.resources.first else { return (nil, outcome.diagnostics.map(\.description)) }
        return (resource, outcome.diagnostics.map(\.description))
    }

    @Test("have an address, headers and certificates")
    func reads() throws {
        let (resource, said) = read(
            """
            {baseUrl: "https://a:1/b", headers: [{name: X, value: y}, {name: Z, secretKeyRef: {name: s, key: k}}],
              clientTLS: {rootCA: {value: pem}, certificate: {envRef: C}, privateKey: {secretKeyRef: {name: key}}}}
            """, "auth: {secretStore: vault}\n")
        let endpoint = try #require(resource, "\(said)")
        #expect(said.isEmpty && endpoint.baseURL == "https://a:1/b" && endpoint.secretStore == "vault")
        #expect(endpoint.headers.map(\.value) == [.text("y"), .secret(name: "s", key: "k")])
        #expect(endpoint.rootCA?.value == .text("pem") && endpoint.certificate?.value == .environment("C"))
        #expect(endpoint.privateKey?.value == .secret(name: "key", key: "key"))
    }

    @Test("that can't be meant are refused, with the place and the cause", arguments: [
        ("{}", "baseUrl"), ("{baseUrl: \"\"}", "baseUrl"), ("{baseUrl: \"ftp://a\"}", "http:// or https://"), ("{baseUrl: [a]}", "baseUrl"),
        ("{baseUrl: \"http://a\", headers: [{value: x}]}", "name"),
        ("{baseUrl: \"http://a\", headers: [{name: x, value: y, envRef: Z}]}", "both"),
        ("{baseUrl: \"https://a\", clientTLS: {certificate: {value: x}}}", "belong together"),
        ("{baseUrl: \"http://a\", clientTLS: {rootCA: {secretKeyRef: {}}}}", "name"),
    ])
    func refuses(spec: String, word: String) {
        let (resource, said) = read(spec)
        #expect(resource == nil && said.contains { $0.contains(word) }, "\(said)")
    }
}
