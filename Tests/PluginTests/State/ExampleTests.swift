import COctavo
import Glibc
import PluginCheck
import Testing

/// The example in C, built as its README says.
@Suite struct ExampleTests {
    @Test("the example is built with make and pkg-config, and keeps values", arguments: ["cc", "clang"])
    func fileStore(_ compiler: String) throws {
        let folder = TemporaryFolder()
        let build = shell(
            "sed -e 's|^prefix=.*|prefix='$PWD'/sdk-c|' -e 's|@VERSION@|1.0.0|' -e 's|@URL@|https://example.org|' "
                + "sdk-c/pkg-config/octavo.pc.in > '\(folder.path)/octavo.pc' && cp sdk-c/examples/file-store/* '\(folder.path)/' && "
                + "PKG_CONFIG_PATH='\(folder.path)' make -C '\(folder.path)' CC=\(compiler)")
        try #require(build.code == 0, "\(build.text)")
        let data = TemporaryFolder()
        let instance = try Instance(Plugin(path: "\(folder.path)/file-store.so"), "state.file-store", folder: data.path, [])
        let store = Store(instance: instance)
        for (number, value) in [[], [0, 1, 255], [UInt8](repeating: 9, count: 1 << 20)].enumerated() {
            try store.write(Store.Write(key: "../k \(number)", value: value))
            #expect(try store.get("../k \(number)")?.value == value)
        }
        #expect(try store.get("none") == nil)
        try store.write(.remove("../k 1"))
        try store.write(.remove("../k 1"))
        #expect(try store.get("../k 1") == nil)
        #expect(throws: PluginFailure.self) { try store.write(.set(String(repeating: "x", count: 121), "1")) }
        try instance.health()
        instance.destroy()
    }
}
