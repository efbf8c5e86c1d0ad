import Glibc
import Testing

@testable import Components

@Suite("A plugin file")
struct PluginFileTests {
    /// A file of those bytes at a path of its own, for the time of `body`.
    private func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
        let folder = temporaryFolder("octavo-plugin-file")
        defer { removeTree(folder) }
        write(bytes, to: folder + "/p.so")
        return try body(folder + "/p.so")
    }

    @Test("is read up to the end of what the loader maps, and understood as if it were read whole")
    func loadedPart() throws {
        let sound = readFile(Fixtures.store())
        let end = try #require(ELFFile.endOfSegments(sound))
        #expect(end > 64 && end <= sound.count)
        // What debug information would be: far more than the plugin itself.
        let debugging = sound + [UInt8](repeating: 0xa5, count: 3 << 20)
        try withFile(debugging) { path in
            let part = try PluginFile(path: path).loadedPart()
            // A first block is read before it is known how much there is.
            #expect(part.count == max(end, 64 << 10))
            #expect(part == Array(debugging.prefix(part.count)))
            let inspection = try PluginInspection(path: path)
            let whole = try PluginInspection(path: path, bytes: debugging, identity: FileIdentity())
            #expect(inspection.size == debugging.count)
            #expect(inspection.id == whole.id && inspection.buildID == whole.buildID && !inspection.buildID.isEmpty)
            #expect(inspection.needed == whole.needed && inspection.unloadClass == whole.unloadClass)
            #expect(inspection.note?.types == whole.note?.types)
        }
    }

    @Test("whose headers lie is read as far as it goes", arguments: [
        // Where the table of segments is, how many there are, where the first one is and how long.
        (32, 8), (54, 2), (56, 2), (64 + 8, 8), (64 + 32, 8),
    ])
    func lies(at offset: Int, count: Int) throws {
        var bytes = readFile(Fixtures.store())
        for index in 0..<count { bytes[offset + index] = 0xff }
        try withFile(bytes) { path in
            let part = try PluginFile(path: path).loadedPart()
            #expect(part == bytes)
            #expect(throws: PluginError.self) { try PluginInspection(path: path) }
        }
    }

    @Test("of a few bytes is read whole", arguments: [1, 5, 63, 64, 100])
    func short(count: Int) throws {
        let bytes = Array(readFile(Fixtures.store()).prefix(count))
        try withFile(bytes) { path in
            let part = try PluginFile(path: path).loadedPart()
            #expect(part == bytes)
        }
    }

    @Test("is copied whole, with what the loader does not map")
    func copy() throws {
        let bytes = readFile(Fixtures.store()) + (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try withFile(bytes) { path in
            let staging = try PluginStaging(dataFolder: String(path.dropLast("/p.so".count)))
            defer { staging.removeAll() }
            let copy = try staging.stage(PluginInspection(path: path), PluginFile(path: path), generation: 1)
            #expect(readFile(copy) == bytes)
        }
    }

    @Test("that can't be written to the data folder is an error that names the place")
    func full() throws {
        try withFile(readFile(Fixtures.store())) { path in
            let file = try PluginFile(path: path)
            let target = open("/dev/full", O_WRONLY)
            defer { close(target) }
            let failure = try file.copy(to: target)
            #expect(failure == ENOSPC)
        }
    }
}
