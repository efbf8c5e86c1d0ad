import Resources
import Testing

@Suite struct ResourceLoaderTests {
    let folder = TemporaryFolder()

    private func component(_ name: String, _ extra: String = "", type: String = "state.sqlite") -> String {
        "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: \(name)\(extra)}\nspec: {type: \(type)}\n"
    }

    @Test("folders are read in the order given, files by name, other files and folders below not at all")
    func ordersFiles() {
        let first = folder.folder("first")
        let second = folder.folder("second")
        _ = folder.folder("first/below.yaml")
        folder.write("first/below.yaml/x.yaml", component("below"))
        folder.write("first/b.yml", component("b"))
        folder.write("first/a.YAML", component("a"))
        folder.write("first/notes.txt", component("notes"))
        folder.write("second/0.yaml", component("c"))
        let single = folder.write("single.conf", component("d"))
        let set = ResourceLoader.load(paths: [first, second + "/", single], appID: "app", namespace: nil)
        #expect(set.components.map(\.name) == ["a", "b", "c", "d"])
        #expect(set.diagnostics == [])
        #expect(set.components[0].header.source.file == "\(first)/a.YAML")
    }

    @Test("of two components with one name the first stays, and the error names both files")
    func refusesDuplicates() {
        folder.write("a.yaml", component("x", type: "state.first"))
        folder.write("b.yaml", "---\n" + component("x", type: "state.second"))
        let set = ResourceLoader.load(paths: [folder.path], appID: "app", namespace: nil)
        #expect(set.components.map(\.type) == ["state.first"])
        #expect(
            set.diagnostics.map(\.description) == [
                "\(folder.path)/b.yaml:2:1: error: Component \"x\": the name is taken by the Component at "
                    + "\(folder.path)/a.yaml:1:1, which stays; rename or remove one of them"
            ])
    }

    @Test("resources of other apps and namespaces are left out, and may then share a name")
    func filters() {
        folder.write("a.yaml", component("x", ", namespace: test", type: "state.test"))
        folder.write("b.yaml", component("x", ", namespace: prod", type: "state.prod"))
        folder.write("c.yaml", component("y") + "scopes: [other]\n")
        folder.write("d.yaml", component("z") + "scopes: [app, other]\n")
        let set = ResourceLoader.load(paths: [folder.path], appID: "app", namespace: "prod")
        #expect(set.components.map(\.type) == ["state.prod", "state.sqlite"])
        #expect(set.components.map(\.name) == ["x", "z"])
        #expect(set.errors == [])
        let all = ResourceLoader.load(paths: [folder.path], appID: "other", namespace: nil)
        #expect(all.components.map(\.name) == ["x", "y", "z"])
        #expect(all.errors.count == 1)
    }

    @Test("a path that is not there is an error and costs no other path")
    func missingPath() {
        folder.write("a.yaml", component("x"))
        let missing = folder.path + "/missing"
        let set = ResourceLoader.load(paths: [missing, folder.path], appID: "app", namespace: nil)
        #expect(set.components.map(\.name) == ["x"])
        #expect(
            set.errors.map(\.description) == [
                "\(missing):1:1: error: the resources path can't be read: No such file or directory; check that it exists "
                    + "and may be read"
            ])
    }

    @Test("a file over the limit is refused without reading it all")
    func largeFile() {
        folder.write("a.yaml", String(repeating: "#", count: 5 << 20))
        folder.write("b.yaml", component("x"))
        let set = ResourceLoader.load(paths: [folder.path], appID: "app", namespace: nil)
        #expect(set.components.map(\.name) == ["x"])
        #expect(set.errors.map(\.message).first?.contains("more than 4194304 bytes") == true)
    }
}
