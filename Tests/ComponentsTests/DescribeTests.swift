import Glibc
import Testing

@testable import Components

@Suite("octavo-plugin-host describe")
struct DescribeTests {
    /// Standard output and exit status of the helper.
    static func describe(_ path: String) -> (output: String, status: Int32) {
        let folder = temporaryFolder("octavo-describe")
        defer { removeTree(folder) }
        // The tests' own executable lies beside the products of the package.
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: buffer.prefix(max(length, 0)), as: UTF8.self)
        let products = own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex) + "/octavo-plugin-host"
        let status = Fixtures.run(
            ["sh", "-c", "exec \"$0\" describe \"$1\" >\"$2\" 2>>\"$2\"", String(products), path, folder + "/out"])
        return (String(decoding: readFile(folder + "/out"), as: UTF8.self), status)
    }

    @Test("prints what the plugin says of itself as JSON")
    func prints() {
        let (output, status) = Self.describe(Fixtures.store(version: "1.2.3", id: "told"))
        #expect(status == 0)
        #expect(output.hasPrefix("{\"id\":\"told\",\"version\":\"1.2.3\""))
        #expect(output.contains("\"name\":\"state.told-reactor\",\"version\":\"v1\",\"kind\":\"state\",\"execution\":\"reactor\""))
        #expect(output.contains("\"allowed\":[\"red\",\"green\"]"))
        #expect(output.hasSuffix("]}\n"))
    }

    @Test("says in one sentence why a file can't be described", arguments: [
            (20, "returned no descriptor"), (14, "has a descriptor that is too short"),
            (5, "has a type that is null or too short"),
        ])
    func refuses(number: Int, cause: String) {
        let (output, status) = Self.describe(Fixtures.broken(number))
        #expect(status != 0)
        #expect(output.contains(cause))
    }
}
