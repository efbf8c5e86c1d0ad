import COctavo
import Glibc
import PluginCheck
import Testing

/// A process that writes, and dies in the middle of it.
@Suite struct DurabilityTests {
    private func writer(in folder: TemporaryFolder) throws -> String {
        let build = shell(
            "clang -fuse-ld=lld -std=c11 -O1 -w -Isdk-c/include -ISources/COctavoRing/include -ISources/COctavoHost/include "
                + "Tests/PluginTests/Native/writer.c Sources/COctavoHost/*.c Sources/COctavoRing/*.c -o '\(folder.path)/writer' -ldl -lpthread")
        try #require(build.code == 0, "\(build.text)")
        return "'\(folder.path)/writer' '\(try Plugin.sqlite.get().path)' state.sqlite '\(folder.path)'"
    }

    private func open(_ folder: TemporaryFolder) throws -> Store {
        let instance = try Instance(Plugin.sqlite.get(), "state.sqlite", folder: folder.path, [.text("connectionString", "test.db")])
        try instance.start()
        return Store(instance: instance)
    }

    @Test("what SQLite acknowledged is there after kill -9")
    func killed() throws {
        let folder = TemporaryFolder()
        let command = try writer(in: folder)
        for round in 1...3 {
            // The reader ends after so many lines, and kills the writer.
            let said = shell("\(command) | { i=0; while read -r line; do echo \"$line\"; i=$((i+1)); [ $i -ge \(37 * round) ] && break; done; pkill -9 -P $$ writer; true; }")
            let acknowledged = said.text.split(separator: "\n").filter { $0.hasPrefix("ok ") }.map { String($0.dropFirst(3)) }
            #expect(acknowledged.count == 37 * round)
            let store = try open(folder)
            for key in acknowledged { #expect(try store.get(key) != nil, "\(key) was lost") }
            try store.direct.health()
            try store.direct.end()
        }
    }

    @Test("a disk without room fails the write in words, and keeps what was there")
    func full() throws {
        let folder = TemporaryFolder()
        // Files may not grow above 2 MB: the stand-in for a full disk.
        let said = shell("ulimit -f 2048; \(try writer(in: folder)) 100000")
        let lines = said.text.split(separator: "\n")
        let acknowledged = lines.filter { $0.hasPrefix("ok ") }.map { String($0.dropFirst(3)) }
        #expect(acknowledged.count > 3)
        #expect(lines.last?.hasPrefix("failed") == true && lines.last?.contains("test.db") == true, "\(said.text.suffix(300))")
        let store = try open(folder)
        for key in acknowledged { #expect(try store.get(key)?.value?.count == 100_000) }
        try store.write(.set("more", "1"))
        try store.direct.end()
    }
}
