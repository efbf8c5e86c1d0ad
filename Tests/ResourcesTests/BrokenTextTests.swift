import Resources
import Testing

/// A text and the one diagnostic that it must give.
struct BrokenText: Sendable, CustomTestStringConvertible {
    let what: String
    let text: String
    let diagnostic: String

    var testDescription: String { what }
}

private let head = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: a\n"

@Suite struct BrokenTextTests {
    @Test(
        "a broken document gives its place, its cause and what to do",
        arguments: [
            BrokenText(
                what: "tab", text: "kind: Component\nmetadata:\n\tname: a\n",
                diagnostic: "f.yaml:3:1: error: a tab is used for indentation; YAML wants spaces"),
            BrokenText(
                what: "tab behind other letters than ASCII", text: "# ü\nkind: ü\nx:\n\ty: a\n",
                diagnostic: "f.yaml:4:1: error: a tab is used for indentation; YAML wants spaces"),
            BrokenText(
                what: "bad indentation", text: "kind: Component\n metadata:\n  name: a\n",
                diagnostic:
                    "f.yaml:2:10: error: a ':' stands where no name can be; align the line with its neighbours, "
                    + "or put a value that has ': ' in it in quotes"),
            BrokenText(
                what: "indentation in a mapping", text: "a:\n  b: 1\n c: 2\n",
                diagnostic: "f.yaml:3:2: error: the indentation does not fit the mapping that starts at line 1; "
                    + "align the line with its neighbours"),
            BrokenText(
                what: "list without a dash", text: "a:\n- b\n- c\n  d: 1\n",
                diagnostic: "f.yaml:4:4: error: a ':' stands where no name can be; align the line with its neighbours, "
                    + "or put a value that has ': ' in it in quotes"),
            BrokenText(
                what: "unterminated quote", text: "a: 1\nb: \"open\nc: 2\n",
                diagnostic: "f.yaml:2:4: error: the quote that opens at line 2 is never closed; add the closing quote"),
            BrokenText(
                what: "open list", text: "a: [1, 2\nb: 3\n",
                diagnostic: "f.yaml:2:2: error: the list that opens at line 1 with '[' is not closed; add ',' or ']'"),
            BrokenText(
                what: "name without a colon", text: "a: 1\nbee\n",
                diagnostic: "f.yaml:3:1: error: the name at line 2 has no ':' after it; write 'name: value'"),
            BrokenText(
                what: "at sign", text: "a: @x\n",
                diagnostic: "f.yaml:1:4: error: a value without quotes can't start with '@'; put the value in quotes"),
            BrokenText(
                what: "unknown escape", text: "a: \"\\q\"\n",
                diagnostic:
                    "f.yaml:1:5: error: there is no such escape in double quotes; write '\\\\' for a backslash, "
                    + "or use single quotes"),
            BrokenText(
                what: "alias without anchor", text: "a: *b\n",
                diagnostic: "f.yaml:1:4: error: the alias *b has no anchor &b before it; define the anchor first"),
            BrokenText(
                what: "alias within itself", text: "a: &a [*a]\n",
                diagnostic: "f.yaml:1:8: error: the alias *a stands within the value that it names; it can't contain "
                    + "itself"),
            BrokenText(
                what: "duplicate name", text: "kind: x\nmetadata: {}\nkind: y\n",
                diagnostic: "f.yaml:3:1: error: \"kind\" is given twice, first at line 1; keep one of them"),
            BrokenText(
                what: "name that is a list", text: "? [a]\n: b\n",
                diagnostic:
                    "f.yaml:1:3: error: a name must be a text, not a list; quote it if it starts with '[' or '{'"),
            BrokenText(
                what: "merge of a text", text: "a: &x 1\nb:\n  <<: *x\n",
                diagnostic: "f.yaml:3:7: error: '<<' takes in mappings only; give it an alias of a mapping"),
            BrokenText(
                what: "NUL", text: "a: b\u{0}c\n",
                diagnostic:
                    "f.yaml:1:5: error: the text holds a NUL byte; remove it, or write it as an escape in double "
                    + "quotes"),
            BrokenText(
                what: "control character", text: "a: ü\u{1b}c\n",
                diagnostic:
                    "f.yaml:1:5: error: the text holds the control character 0x1b; remove it, or write it as an "
                    + "escape in double quotes"),
            BrokenText(
                what: "control character beyond ASCII", text: "a: \u{81}\n",
                diagnostic:
                    "f.yaml:1:4: error: the text holds a character that YAML does not allow; remove it, or write "
                    + "it as an escape in double quotes"),
            BrokenText(
                what: "deep nesting", text: String(repeating: "[", count: 5000),
                diagnostic: "f.yaml:1:65: error: mappings and lists are nested more than 64 deep; flatten them"),
            BrokenText(
                what: "not a mapping", text: "- a\n",
                diagnostic:
                    "f.yaml:1:1: error: a resource is a mapping with apiVersion, kind, metadata and spec, not a "
                    + "list"),
            BrokenText(
                what: "missing kind", text: "apiVersion: dapr.io/v1alpha1\nmetadata: {name: a}\n",
                diagnostic: "f.yaml:1:1: error: kind is missing; write one of Component, Configuration, Subscription, "
                    + "Resiliency, HTTPEndpoint, MCPServer, WorkflowAccessPolicy"),
            BrokenText(
                what: "misspelt kind", text: "apiVersion: dapr.io/v1alpha1\nkind: Componnet\n",
                diagnostic: "f.yaml:2:7: warning: the kind Componnet is not known and the document is ignored; did you "
                    + "mean Component?"),
            BrokenText(
                what: "kind of another project", text: "apiVersion: v1\nkind: Secret\n",
                diagnostic: "f.yaml:2:7: note: the kind Secret is not ours and the document is ignored"),
            BrokenText(
                what: "missing apiVersion", text: "kind: Component\nmetadata: {name: a}\n",
                diagnostic: "f.yaml:1:1: error: apiVersion is missing; write apiVersion: dapr.io/v1alpha1"),
            BrokenText(
                what: "wrong apiVersion", text: "apiVersion: dapr.io/v2alpha1\nkind: Component\n",
                diagnostic: "f.yaml:1:13: error: Component has no apiVersion dapr.io/v2alpha1; write apiVersion: "
                    + "dapr.io/v1alpha1"),
            BrokenText(
                what: "missing name", text: "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {}\n",
                diagnostic: "f.yaml:3:11: error: Component: metadata.name is missing; give the Component a name in "
                    + "metadata.name"),
            BrokenText(
                what: "metadata that is a text", text: "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: a\n",
                diagnostic: "f.yaml:3:11: error: Component: metadata must be a mapping, not a text"),
            BrokenText(
                what: "missing spec", text: head,
                diagnostic: "f.yaml:1:1: error: Component \"a\": spec is missing; it holds the component's type and "
                    + "metadata"),
            BrokenText(
                what: "missing type", text: head + "spec:\n  version: v1\n",
                diagnostic:
                    "f.yaml:6:3: error: Component \"a\": spec.type is missing; write spec.type as category.name, "
                    + "such as state.redis"),
            BrokenText(
                what: "type without category", text: head + "spec:\n  type: redis\n",
                diagnostic:
                    "f.yaml:6:9: error: Component \"a\": spec.type \"redis\" is not category.name; write it like "
                    + "state.redis"),
            BrokenText(
                what: "unknown name", text: head + "spec:\n  type: a.b\n  metdata: []\n",
                diagnostic:
                    "f.yaml:7:3: warning: Component \"a\": spec.metdata is not known and not used; did you mean "
                    + "metadata?"),
            BrokenText(
                what: "name in other case", text: head + "spec:\n  Type: a.b\n",
                diagnostic: "f.yaml:6:3: warning: Component \"a\": spec.Type is read as type; write it so"),
            BrokenText(
                what: "bad duration", text: head + "spec:\n  type: a.b\n  initTimeout: 5 seconds\n",
                diagnostic: "f.yaml:7:16: warning: Component \"a\": spec.initTimeout must be a duration such as 500ms, "
                    + "10s or 1m30s, not \"5 seconds\"; the default of 5s is used"),
            BrokenText(
                what: "metadata that is a mapping", text: head + "spec:\n  type: a.b\n  metadata:\n    host: x\n",
                diagnostic: "f.yaml:8:5: error: Component \"a\": spec.metadata must be a list ('- …' lines), not a "
                    + "mapping"),
            BrokenText(
                what: "setting without a name", text: head + "spec:\n  type: a.b\n  metadata:\n  - value: x\n",
                diagnostic: "f.yaml:8:5: error: Component \"a\": spec.metadata[0].name is missing; each setting is "
                    + "'- name: …' with a value"),
            BrokenText(
                what: "value and secret",
                text: head + "spec:\n  type: a.b\n  metadata:\n  - {name: p, value: x, secretKeyRef: {name: s}}\n",
                diagnostic:
                    "f.yaml:8:5: error: Component \"a\": the setting p has both value and secretKeyRef; give one "
                    + "of them"),
            BrokenText(
                what: "secret without a name",
                text: head + "spec:\n  type: a.b\n  metadata:\n  - {name: p, secretKeyRef: {key: s}}\n",
                diagnostic:
                    "f.yaml:8:29: error: Component \"a\": spec.metadata[0].secretKeyRef.name is missing; it names "
                    + "the secret in the secret store"),
            BrokenText(
                what: "setting given twice",
                text: head
                    + "spec:\n  type: a.b\n  metadata:\n  - {name: Host, value: x}\n  - {name: host, value: y}\n",
                diagnostic:
                    "f.yaml:9:5: error: Component \"a\": the setting host is given twice, first at line 8; names "
                    + "are compared without regard to case: keep one of them"),
            BrokenText(
                what: "bad boolean", text: head + "spec:\n  type: a.b\n  ignoreErrors: perhaps\n",
                diagnostic: "f.yaml:7:17: error: Component \"a\": spec.ignoreErrors must be true or false, not "
                    + "\"perhaps\""),
            BrokenText(
                what: "scopes that are a text", text: head + "scopes: app\nspec: {type: a.b}\n",
                diagnostic: "f.yaml:5:9: error: Component \"a\": scopes must be a list ('- …' lines), not a text"),
            BrokenText(
                what: "bad start mode",
                text: "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: a\n  annotations:\n"
                    + "    octavo.io/start: later\nspec: {type: a.b}\n",
                diagnostic:
                    "f.yaml:6:5: error: Component \"a\": octavo.io/start must be required, optional or lazy, not "
                    + "\"later\""),
            BrokenText(
                what: "unknown annotation of ours",
                text: "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: a\n  annotations:\n"
                    + "    octavo.io/srict: \"true\"\nspec: {type: a.b}\n",
                diagnostic: "f.yaml:6:5: warning: Component \"a\": the annotation octavo.io/srict is not known and not "
                    + "used; did you mean octavo.io/strict?"),
            BrokenText(
                what: "bad access",
                text: "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  secrets:\n"
                    + "    scopes: [{storeName: s, defaultAccess: maybe}]\n",
                diagnostic:
                    "f.yaml:6:44: error: Configuration \"c\": spec.secrets.scopes[0].defaultAccess must be allow "
                    + "or deny, not \"maybe\""),
            BrokenText(
                what: "bad protocol",
                text: "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  api:\n"
                    + "    denied: [{name: state, version: v1, protocol: smtp}]\n",
                diagnostic:
                    "f.yaml:6:51: error: Configuration \"c\": spec.api.denied[0].protocol must be http or grpc, "
                    + "not \"smtp\""),
        ])
    func explains(broken: BrokenText) {
        let outcome = ResourceText.read(Array(broken.text.utf8), file: "f.yaml")
        #expect(outcome.diagnostics.map(\.description) == [broken.diagnostic])
        if outcome.diagnostics.first?.severity == .error { #expect(outcome.resources.isEmpty) }
    }

    @Test("bytes that are not UTF-8 are refused with their place")
    func refusesOtherEncodings() {
        let outcome = ResourceText.read(Array("a: ü\nb: ".utf8) + [0xff, 0x0a], file: "f.yaml")
        #expect(
            outcome.diagnostics.map(\.description) == [
                "f.yaml:2:4: error: the byte 0xff is not UTF-8; save the file as UTF-8"
            ])
    }

    @Test("a document that multiplies itself through aliases is refused at once")
    func refusesAliasBomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let outcome = ResourceText.read(Array(text.utf8), file: "f.yaml")
        #expect(outcome.diagnostics.count == 1)
        #expect(outcome.diagnostics[0].message.contains("larger than 200000 values with its aliases expanded"))
    }

    @Test("a text over the limit is refused before it is read")
    func refusesHugeText() {
        let outcome = ResourceText.read(Array(repeating: UInt8(ascii: "#"), count: 4 << 20 | 1), file: "f.yaml")
        #expect(
            outcome.diagnostics.map(\.message) == ["the file has 4194305 bytes; at most 4194304 are read: split it up"])
    }

    @Test("of very many mistakes in a document the first hundred are told")
    func boundsDiagnostics() {
        let unknown = (0..<5000).map { "  typ\($0): x\n" }.joined()
        let outcome = ResourceText.read(Array((head + "spec:\n  type: a.b\n" + unknown).utf8), file: "f.yaml")
        #expect(outcome.diagnostics.count == 101)
        #expect(
            outcome.diagnostics.last?.message == "there is more to say about the document; mend what was said first")
        #expect(outcome.resources.count == 1)
        let wrong = String(repeating: "  - {name: x, value: 1, envRef: Y}\n", count: 5000)
        let refused = ResourceText.read(
            Array((head + "spec:\n  type: a.b\n  metadata:\n" + wrong).utf8), file: "f.yaml")
        #expect(refused.diagnostics.count == 101)
        #expect(refused.diagnostics.last?.severity == .error)
        #expect(refused.resources.isEmpty)
    }

    @Test("a file of very many documents is read up to a limit, in reasonable time")
    func boundsDocuments() {
        let outcome = ResourceText.read(Array(String(repeating: "--- @\n", count: 20_000).utf8), file: "f.yaml")
        #expect(outcome.diagnostics.count == 1_001)
        let empty = ResourceText.read(Array(String(repeating: "---\n", count: 1 << 20).utf8), file: "f.yaml")
        #expect(empty.diagnostics.map(\.location.mark.line) == [1_001])
        #expect(outcome.diagnostics.last?.message.contains("more than 1000 documents") == true)
    }

    @Test("no diagnostic repeats the value of a setting")
    func keepsValuesSecret() {
        let text =
            head + "spec:\n  type: a.b\n  metadata:\n  - {name: p, value: hunter2, envRef: hunter2}\n"
            + "  - {name: p, value: [hunter2], secretKeyRef: hunter2}\n  - {value: hunter2}\n"
        for diagnostic in ResourceText.read(Array(text.utf8), file: "f.yaml").diagnostics {
            #expect(!diagnostic.description.contains("hunter2"))
        }
    }
}
