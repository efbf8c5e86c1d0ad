import Resources
import Testing

@Suite struct ResourceTextTests {
    static func component(_ text: String) throws -> ComponentResource {
        let outcome = ResourceText.read(Array(text.utf8), file: "f.yaml")
        #expect(outcome.diagnostics == [])
        guard case .component(let component) = try #require(outcome.resources.first) else {
            throw Unexpected("no component: \(outcome)")
        }
        return component
    }

    @Test("a component of Dapr's documentation is read whole")
    func readsComponent() throws {
        let component = try Self.component(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata:
              name: statestore
              namespace: prod
              annotations:
                octavo.io/start: lazy
                octavo.io/strict: "true"
                octavo.io/isolation: process
                example.com/owner: us
              creationTimestamp: null
            spec:
              type: state.redis
              version: v1
              initTimeout: 1m30s
              ignoreErrors: true
              metadata:
              - name: redisHost
                value: localhost:6379
              - name: redisPassword
                secretKeyRef:
                  name: redis-secret
                  key: password
              - name: token
                secretKeyRef: {name: redis-token, key: ""}
              - name: user
                envRef: REDIS_USER
            auth:
              secretStore: vault
            scopes:
            - app1
            - app2
            """)
        #expect(component.name == "statestore")
        #expect(component.header.namespace == "prod")
        #expect(component.header.scopes == ["app1", "app2"])
        #expect(component.header.source.description == "f.yaml:1:1")
        #expect(component.type == "state.redis")
        #expect(component.initTimeout == .seconds(90))
        #expect(component.ignoreErrors == true)
        #expect(component.secretStore == "vault")
        #expect(component.startMode == .lazy)
        #expect(component.isStrict)
        #expect(component.isolation == "process")
        #expect(component.needsSecrets)
        #expect(component.metadata.map(\.name) == ["redisHost", "redisPassword", "token", "user"])
        #expect(
            component.metadata.map(\.value) == [
                .text("localhost:6379"), .secret(name: "redis-secret", key: "password"),
                .secret(name: "redis-token", key: "redis-token"), .environment("REDIS_USER"),
            ])
        #expect(component.metadata[1].source.mark.line == 20)
    }

    @Test("what is not written has Dapr's defaults")
    func defaults() throws {
        let component = try Self.component(
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec: {type: state.sqlite}\n")
        #expect(component.version == "v1")
        #expect(component.initTimeout == .seconds(5))
        #expect(component.ignoreErrors == nil)
        #expect(component.startMode == nil)
        #expect(!component.isStrict)
        #expect(component.metadata == [])
    }

    @Test(
        "a setting keeps its text, whatever type YAML sees in it",
        arguments: [
            ("on", "on"), ("1e3", "1e3"), ("0x10", "0x10"), ("012", "012"), ("true", "true"), ("1.0", "1.0"),
            ("2001-12-14", "2001-12-14"), ("~", ""), ("null", ""), ("", ""), ("\"null\"", "null"), ("'a''b'", "a'b"),
            ("\"a\\tb\\u00fc\"", "a\tbü"), ("|\n          a\n          b", "a\nb"),
            (">-\n          a\n          b", "a b"),
            ("!!str 12", "12"), ("[1, \"2\", x, true, 1_0]", "[1,\"2\",\"x\",true,\"1_0\"]"),
            ("{a: 1, b: null}", "{\"a\":1,\"b\":null}"),
        ])
    func keepsText(written: String, value: String) throws {
        let component = try Self.component(
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec:\n  type: state.sqlite\n"
                + "  metadata:\n    - name: x\n      value: \(written)")
        #expect(component.metadata.map(\.value) == [.text(value)])
    }

    @Test("a bad document costs neither those before nor those after it")
    func keepsGoodDocuments() {
        let good = { (name: String) in
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: \(name)}\nspec: {type: a.b}\n"
        }
        let text =
            "\u{feff}# first\n---\n" + good("one") + "---\nkind: \"open\n---\n" + good("two")
            + "--- # three\n" + good("three") + "...\n" + good("four") + "---\n---\n# nothing\n---\nkind: Pod\n"
        let outcome = ResourceText.read(Array(text.utf8), file: "f.yaml")
        #expect(outcome.resources.map(\.header.name) == ["one", "two", "three", "four"])
        #expect(outcome.resources.map(\.header.source.mark.line) == [3, 10, 15, 20])
        #expect(outcome.diagnostics.map(\.severity) == [.error, .note])
        #expect(outcome.diagnostics[0].location.mark.line == 8)
    }

    @Test("aliases and merge keys are filled in, and a mapping's own members win")
    func mergesAliases() throws {
        let component = try Self.component(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: a}
            spec:
              <<: &base {type: state.redis, version: v9}
              version: v2
              metadata:
              - &host {name: host, value: h}
              - <<: [*host, *base2]
                name: other
            """.replacing("*base2", with: "{value: ignored}"))
        #expect(component.type == "state.redis")
        #expect(component.version == "v2")
        #expect(component.metadata.map(\.name) == ["host", "other"])
        #expect(component.metadata[1].value == .text("h"))
    }

    @Test("every kind of Dapr is recognised, with its scopes", arguments: ResourceKind.allCases)
    func recognises(kind: ResourceKind) throws {
        for version in kind.apiVersions {
            let spec =
                kind == .httpEndpoint ? "{baseUrl: \"http://a\"}"
                : kind != .subscription ? "{type: a.b}"
                : version.hasSuffix("v1alpha1") && !version.hasSuffix("v2alpha1")
                    ? "{pubsubname: p, topic: t, route: /r}" : "{pubsubname: p, topic: t, routes: {default: /r}}"
            let text =
                "apiVersion: \(version)\nkind: \(kind.rawValue)\nmetadata: {name: n}\nspec: \(spec)\nscopes: [s]\n"
            let outcome = ResourceText.read(Array(text.utf8), file: "f.yaml")
            let resource = try #require(outcome.resources.first)
            #expect(resource.header.kind == kind)
            #expect(resource.header.name == "n")
            #expect(resource.header.scopes == ["s"])
        }
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
