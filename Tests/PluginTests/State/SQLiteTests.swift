import COctavo
import Glibc
import PluginCheck
import Testing

@Suite struct SQLiteTests {
    private func failure(_ body: () throws -> Void) -> PluginFailure? {
        do {
            try body()
            return nil
        } catch { return error as? PluginFailure }
    }

    private func open(_ folder: TemporaryFolder, _ settings: [Setting] = []) throws -> Store {
        let instance = try Instance(
            Plugin.sqlite.get(), "state.sqlite", folder: folder.path,
            settings.contains { $0.name == "connectionString" } ? settings : settings + [.text("connectionString", "test.db")])
        try instance.start()
        return Store(instance: instance)
    }

    @Test("what was written is there after the store was opened again")
    func reopened() throws {
        let folder = TemporaryFolder()
        var store = try open(folder)
        let etag = try store.write(.set("k", "1"))
        try store.direct.end()
        store = try open(folder)
        #expect(try store.get("k")?.etag == etag)
        try store.direct.end()
    }

    @Test(
        "paths and URIs name the file, relative ones inside the data folder",
        arguments: ["x.db", "file:x.db", "file:x.db?_txlock=immediate", "FOLDER/x.db", "file:FOLDER/x.db?mode=rwc"])
    func targets(_ text: String) throws {
        let folder = TemporaryFolder()
        let parts = text.split(separator: "FOLDER", omittingEmptySubsequences: false)
        let store = try open(folder, [.text("connectionString", parts.joined(separator: folder.path))])
        try store.write(.set("k", "1"))
        #expect(access("\(folder.path)/x.db", F_OK) == 0)
        try store.direct.end()
    }

    @Test("a name of a table that is none is refused", arguments: ["a-b", "1a", "x; DROP TABLE y", "a\"b", ""])
    func tableNames(_ name: String) throws {
        let folder = TemporaryFolder()
        if name.isEmpty { return }
        let failure = failure {
            _ = try Instance(Plugin.sqlite.get(), "state.sqlite", folder: folder.path, [.text("tableName", name)])
        }
        #expect(failure?.message.contains("tableName") == true)
    }

    @Test("a file that is no database is called that")
    func notADatabase() throws {
        let folder = TemporaryFolder()
        folder.write("test.db", String(repeating: "this is no database. ", count: 100))
        let failure = failure { _ = try open(folder) }
        #expect(failure?.reason == "NOT_A_DATABASE")
        #expect(failure?.message.contains("test.db") == true)
    }

    @Test("a folder that does not exist is named")
    func noFolder() throws {
        let folder = TemporaryFolder()
        let failure = failure { _ = try open(folder, [.text("connectionString", "\(folder.path)/none/x.db")]) }
        #expect(failure?.code == OCTAVO_CODE_UNAVAILABLE && failure?.message.contains("/none/x.db") == true)
    }

    @Test("a lock of another process is waited for, then told")
    func locked() throws {
        let folder = TemporaryFolder()
        let store = try open(folder, [Setting(name: "busyTimeout", text: "100ms", integer: 100_000_000)])
        try store.write(.set("k", "1"))
        let cli = popen("sqlite3 \(folder.path)/test.db 2>&1", "w")
        fputs(".timeout 5000\nBEGIN EXCLUSIVE;\n", cli)
        fflush(cli)
        var told: PluginFailure?
        #expect(eventually {
            told = failure { try store.write(.set("k", "2")) }
            return told != nil
        })
        #expect(told?.reason == "DATABASE_LOCKED")
        #expect(told.map { $0.flags & OCTAVO_ERROR_RETRYABLE != 0 } == true)
        fputs("ROLLBACK;\n", cli)
        pclose(cli)
        try store.write(.set("k", "3"))
        try store.direct.end()
    }

    @Test("health notices that the file was removed")
    func removed() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        try store.direct.health()
        unlink("\(folder.path)/test.db")
        #expect(failure { try store.direct.health() }?.message.contains("removed") == true)
        try store.direct.end()
    }

    @Test("the columns are those that Dapr has")
    func columns() throws {
        let folder = TemporaryFolder()
        let store = try open(folder, [.text("tableName", "mine")])
        try store.write(.set("text", #"{"a":1}"#))
        try store.write(Store.Write(key: "binary", value: [0xFF, 0x00, 0x10]))
        try store.direct.end()
        let cli = popen("sqlite3 \(folder.path)/test.db 'SELECT key, value, is_binary, length(etag) FROM mine ORDER BY key'", "r")
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = fread(&buffer, 1, buffer.count, cli)
        pclose(cli)
        let said = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #expect(said == "binary|/wAQ|1|36\ntext|{\"a\":1}|0|36\n")
    }

    @Test("many writers at once all get through")
    func concurrency() async throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        let written = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var done = 0
                    let waits = (0..<100).map { store.submit(.set("\(task)-\($0)", "v")) }
                    for wait in waits where (try? wait()) != nil { done += 1 }
                    return done
                }
            }
            return await group.reduce(0, +)
        }
        #expect(written == 800)
        #expect(try store.keys("", limit: 10_000).0.count == 800)
        try store.direct.end()
    }
}
