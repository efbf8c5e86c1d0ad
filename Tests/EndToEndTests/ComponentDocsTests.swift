import Foundation
import JSONText
import Testing

@Suite("`octavo component docs`")
struct ComponentDocsTests {
    private func docs(_ arguments: String...) async throws -> Subprocess.Result {
        try await Subprocess.run(Places.octavo, ["component", "docs"] + arguments)
    }

    @Test("makes the pages in docs/components: run tools/component-docs when they are out of date")
    func pages() async throws {
        let scratch = try Scratch()
        let end = try await Subprocess.run(
            Places.package + "/tools/component-docs", ["--into", scratch.file("pages"), Places.products])
        #expect(end.code == 0 && end.errors.isEmpty, "\(end.errors)")
        let kept = Places.package + "/docs/components"
        let names = try Set(FileManager.default.contentsOfDirectory(atPath: kept))
        #expect(try Set(FileManager.default.contentsOfDirectory(atPath: scratch.file("pages"))) == names)
        #expect(names.contains("state.redis.md") && names.contains("README.md"))
        for name in names {
            let page = try String(contentsOfFile: kept + "/" + name, encoding: .utf8)
            #expect(scratch.read("pages/" + name) == page, "\(name)")
        }
        // A page of a type that is no more goes.
        try scratch.write("old", to: "pages/state.gone.md")
        _ = try await docs("--into", scratch.file("pages"))
        #expect(!FileManager.default.fileExists(atPath: scratch.file("pages/state.gone.md")))
    }

    @Test("shows one type and all, for eyes and for programs, and says what is near")
    func shows() async throws {
        let text = try await docs("state.redis").output
        for word in ["redisPassword", "secret", "redisHost", "localhost:6379", "EXAMPLE"] { #expect(text.contains(word), "\(word)") }
        let json = try JSONValue(parsing: try await docs("state.redis", "--json").output)
        let field = json["type"]?["fields"]?.array?.first { $0["name"]?.string == "redisPassword" }
        #expect(field?["sensitive"] == .bool(true))
        #expect(json["type"]?["operations"]?.array?.contains(.string("get")) == true)
        #expect(json["example"]?.string?.contains("type: state.redis") == true)
        #expect(try await docs("state.redis", "--markdown").output.hasPrefix("# state.redis\n"))
        let all = try JSONValue(parsing: try await docs("--json").output)["types"]?.array ?? []
        #expect(all.count > 10)
        #expect(all.allSatisfy { $0["type"]?["description"]?.string?.isEmpty == false })
        #expect(try await docs("state.sqlite3").code == 0)
        let missing = try await docs("state.reddis")
        #expect(missing.code == 1 && missing.errors.contains("Did you mean state.redis?"))
    }

    @Test("gives examples that their schemas take", .timeLimit(.minutes(2)))
    func examples() async throws {
        let scratch = try Scratch()
        let all = try JSONValue(parsing: try await docs("--json").output)["types"]?.array ?? []
        var secrets: Set<String> = ["x"]
        for one in all {
            let type = one["type"]?["name"]?.string ?? ""
            let lines = (one["example"]?.string ?? "").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            for line in lines where line.hasPrefix("        key: ") { secrets.insert(String(line.dropFirst(13))) }
            // Settings that the schema does not have are errors, too.
            let strict = lines.map {
                $0.hasPrefix("  name: ") ? "  name: \(type)\n  annotations: {octavo.io/strict: \"true\", octavo.io/start: optional}" : $0
            }
            try scratch.write(strict.joined(separator: "\n"), to: "resources/\(type).yaml")
        }
        // What shows that a wrong one would be found.
        try scratch.write(
            Resource.component("wrong", "state.in-memory", [("maxBytes", "many")]).replacingOccurrences(
                of: "  name: wrong\n", with: "  name: wrong\n  annotations: {octavo.io/start: optional}\n"), to: "resources/wrong.yaml")
        try scratch.write(
            "{" + secrets.sorted().map { "\"\($0)\": \"secret\"" }.joined(separator: ",") + "}", to: "secrets.json")
        try scratch.write(
            Resource.component("secretstore", "secretstores.local.file", [("secretsFile", scratch.file("secrets.json"))]),
            to: "resources/a.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { octavo in
            let components = try await eventually("the first try of each", within: .seconds(60)) { () async throws -> [JSONValue]? in
                let list = try await octavo.json("component", "list")["components"]?.array ?? []
                return list.allSatisfy { $0["state"]?.string != "starting" || $0["reason"]?.string != nil } ? list : nil
            }
            #expect(components.count == all.count + 2)
            let refused = components.filter { one in
                let reason = one["reason"]?.string ?? ""
                return [" must be ", " is missing: ", " has no setting ", " is given twice", "one of the profiles", "refers to the secret"]
                    .contains { reason.contains($0) }
            }
            #expect(refused.compactMap { $0["name"]?.string } == ["wrong"], "\(refused)")
        }
    }
}
