import Resources
import Testing

@Suite struct MetadataResolverTests {
    private func resolve(
        _ value: MetadataValue, pod: String? = nil, namespace: String? = "prod", environment: [String: String] = [:]
    ) -> (value: MetadataResolver.Value?, diagnostics: [Diagnostic]) {
        var random = SystemRandomNumberGenerator()
        let place = SourceLocation(file: "f.yaml", mark: SourceMark(line: 3, column: 5))
        return MetadataResolver(appID: "app", namespace: namespace, podName: pod, environment: environment)
            .resolve(MetadataItem(name: "x", value: value, source: place), resource: "Component \"a\"", random: &random)
    }

    @Test(
        "placeholders are filled in",
        arguments: [
            ("{appID}-{namespace}", "app-prod.app"), ("{podName}", "pod-1"), ("{other}{", "{other}{"),
            ("{{appID}}", "{app}"),
            ("plain", "plain"),
        ])
    func fills(written: String, value: String) {
        #expect(resolve(.text(written), pod: "pod-1").value == .text(value))
    }

    @Test("each {uuid} is a fresh random one")
    func uuids() throws {
        guard case .text(let text)? = resolve(.text("{uuid} {uuid}")).value else { throw Unexpected("no text") }
        let parts = text.split(separator: " ")
        #expect(parts.count == 2 && parts[0] != parts[1])
        for part in parts {
            #expect(part.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
        }
    }

    @Test("without a pod's name {podName} is an error")
    func podName() {
        let (value, diagnostics) = resolve(.text("{podName}"))
        #expect(value == nil)
        #expect(
            diagnostics.map(\.description) == [
                "f.yaml:3:5: error: Component \"a\": the setting x has {podName} in it, but the pod's name is not known; "
                    + "set POD_NAME"
            ])
    }

    @Test(
        "variables are read, but not the runtime's own nor those that are not listed",
        arguments: [
            ("USER_NAME", nil, "me", true), ("DAPR_API_TOKEN", nil, "", false), ("APP_API_TOKEN", nil, "", false),
            ("app_api_token", nil, "", false), ("A B", nil, "", false), ("UNSET", nil, "", false),
            ("USER_NAME", "OTHER", "", false), ("USER_NAME", "OTHER USER_NAME", "me", true),
            ("USER_NAME", "", "me", true),
        ] as [(String, String?, String, Bool)])
    func environment(name: String, list: String?, value: String, isQuiet: Bool) {
        var environment = ["USER_NAME": "me", "DAPR_API_TOKEN": "t", "APP_API_TOKEN": "t", "A B": "x"]
        environment["DAPR_ENV_KEYS"] = list
        let (resolved, diagnostics) = resolve(.environment(name), environment: environment)
        #expect(resolved == .text(value))
        #expect(diagnostics.isEmpty == isQuiet)
        #expect(diagnostics.allSatisfy { $0.severity == .warning })
    }

    @Test("a secret stays a reference")
    func secrets() {
        #expect(resolve(.secret(name: "s", key: "{uuid}")).value == .secret(name: "s", key: "{uuid}"))
    }
}
