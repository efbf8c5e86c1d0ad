import COctavo
import COctavoHost
import PluginCheck
import Testing

@Suite("A hand-over of state.in-memory")
struct HandoffTests {
    /// The extension's table and the plugin's address of an instance.
    private struct End {
        let table: UnsafePointer<octavo_handoff>
        let address: UnsafeMutableRawPointer

        init(_ store: Store) throws {
            let arena = Arena()
            let get = try #require(store.direct.type.pointee.life.pointee.get_extension)
            address = octavo_instance_self(store.direct.raw)!
            table = try #require(get(address, arena.str(OCTAVO_EXTENSION_HANDOFF))).assumingMemoryBound(to: octavo_handoff.self)
            #expect(get(address, arena.str("octavo.other/1")) == nil)
            withExtendedLifetime(arena) {}
        }

        func exported() -> [[UInt8]] {
            final class Pieces { var all: [[UInt8]] = [] }
            let pieces = Pieces()
            let answer = table.pointee.export_state(
                address,
                { argument, piece in
                    Unmanaged<Pieces>.fromOpaque(argument!).takeUnretainedValue().all.append(bytes(piece) ?? [])
                    return OCTAVO_OK
                }, Unmanaged.passUnretained(pieces).toOpaque())
            #expect(answer == OCTAVO_OK)
            return pieces.all
        }

        func take(_ piece: [UInt8]) -> Int32 {
            piece.withUnsafeBufferPointer {
                table.pointee.import_state(address, octavo_bytes(data: $0.baseAddress, size: UInt64($0.count)))
            }
        }
    }

    @Test("takes values, etags and times of expiry along")
    func whole() throws {
        let first = try StoreKind.memory.make(), second = try StoreKind.memory.make()
        let old = first.store, new = second.store
        for index in 0..<3000 { try old.write(.set("key \(index)", String(repeating: "v", count: index))) }
        try old.write(.set("mortal", "x", ttl: 3_600_000_000_000))
        try old.write(.set("dying", "x", ttl: 1_000_000))
        try old.write(.set("", ""))
        #expect(eventually { (try? old.get("dying")) == .some(nil) })
        let source = try End(old), target = try End(new)
        #expect(source.table.pointee.format == target.table.pointee.format)
        let pieces = source.exported()
        #expect(pieces.count > 2)
        for piece in pieces { #expect(target.take(piece) == OCTAVO_OK) }
        for key in (0..<3000).map({ "key \($0)" }) + ["mortal", ""] {
            let before = try old.get(key), after = try new.get(key)
            #expect(before != nil && before?.value == after?.value && before?.etag == after?.etag && before?.expires == after?.expires)
        }
        #expect(try new.get("dying") == nil)
        // An etag of before fits once, and is not given again.
        let etag = try old.get("key 7")?.etag
        try new.write(.set("key 7", "new", etag: etag))
        let late = #expect(throws: PluginFailure.self) { try new.write(.set("key 7", "newer", etag: etag)) }
        #expect(late?.reason == OCTAVO_REASON_ETAG_MISMATCH)
        withExtendedLifetime((first, second)) {}
    }

    @Test("refuses what is cut off or lies, and lives on")
    func broken() throws {
        let first = try StoreKind.memory.make(), second = try StoreKind.memory.make()
        let old = first.store, new = second.store
        for index in 0..<4 { try old.write(.set("key \(index)", "value")) }
        let pieces = try End(old).exported()
        let target = try End(new)
        #expect(target.take([1, 2, 3]) == OCTAVO_FAILED)
        #expect(target.take([]) == OCTAVO_FAILED)
        #expect(target.take(pieces[0]) == OCTAVO_OK)
        let whole = pieces[1]
        for length in 1..<36 { #expect(target.take(Array(whole.prefix(length))) == OCTAVO_FAILED) }
        for (at, value) in [(0, 0xFF), (3, 0xFF), (4, 0xFF), (11, 0xFF), (11, 0x7F)] as [(Int, UInt8)] {
            var lie = whole
            lie[at] = value
            #expect(target.take(lie) == OCTAVO_FAILED)
        }
        try new.write(.set("alive", "yes"))
        #expect(try new.get("alive")?.value == Array("yes".utf8))
        withExtendedLifetime((first, second)) {}
    }
}
