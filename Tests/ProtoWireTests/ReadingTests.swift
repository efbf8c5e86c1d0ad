import EveryKind
import Testing

@testable import ProtoWire

private typealias Every = Octavo_Testing_Every
private typealias Lists = Octavo_Testing_Lists
private typealias Part = Octavo_Testing_Part

@Suite("A message")
struct ReadingTests {
    @Test("with values that are not a message is refused with the reason", arguments: [
        ([0x4a], .truncated),
        ([0x4a, 0x05, 0x61], .truncated),
        ([0x4a, 0xff, 0xff, 0xff, 0xff, 0x0f], .truncated),
        ([0x4a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], .truncated),
        ([0x09, 1, 2, 3, 4, 5, 6, 7], .truncated),
        ([0x15, 1, 2, 3], .truncated),
        ([0x28], .truncated),
        ([0x28, 0x80], .truncated),
        ([0x80], .truncated),
        ([0x28] + Array(repeating: 0x80, count: 10) + [0], .badVarint),
        ([0x28] + Array(repeating: 0xff, count: 9) + [0x82], .badVarint),
        ([0x00, 0x00], .badTag),
        ([0x05, 1, 2, 3, 4], .badTag),
        ([0x0e], .badTag),
        ([0x0f], .badTag),
        ([0xff, 0xff, 0xff, 0xff, 0x1f, 0x00], .badTag),
        ([0x0c], .badGroup),
        ([0x0b, 0x14], .badGroup),
        ([0x0b, 0x08, 0x01], .truncated),
        ([0x4a, 0x01, 0xff], .notUTF8(field: 9)),
        ([0x4a, 0x02, 0xc0, 0x80], .notUTF8(field: 9)),
        ([0x4a, 0x03, 0xed, 0xa0, 0x80], .notUTF8(field: 9)),
        // A message within it that ends too early, too late, or is not one.
        ([0x8a, 0x01, 0x02, 0x0a, 0x05], .truncated),
        ([0x8a, 0x01, 0x03, 0x0a, 0x01], .truncated),
        ([0x8a, 0x01, 0x03, 0x0a, 0x01, 0xfe], .notUTF8(field: 1)),
        ([0x8a, 0x01, 0x01, 0x0c], .badGroup),
    ] as [([UInt8], ProtoError)])
    func refused(_ bytes: [UInt8], _ reason: ProtoError) {
        #expect(throws: reason) { try Every(serializedBytes: bytes) }
    }

    @Test("with a list of numbers that is cut off is refused", arguments: [
        [0x0a, 0x07, 1, 2, 3, 4, 5, 6, 7], [0x12, 0x05, 1, 2, 3, 4, 5], [0x2a, 0x01, 0x80], [0x82, 0x01, 0x01, 0x80],
    ] as [[UInt8]])
    func cutList(_ bytes: [UInt8]) {
        #expect(throws: ProtoError.truncated) { try Lists(serializedBytes: bytes) }
    }

    @Test("passes over fields that it does not know, and values of another type than its field's", arguments: [
        [0x4a, 0x01, 0x61, 0xf8, 0x07, 0x96, 0x01],
        [0x4a, 0x01, 0x61, 0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8],
        [0x4a, 0x01, 0x61, 0xfa, 0x07, 0x02, 0xff, 0xff],
        [0x4a, 0x01, 0x61, 0xfd, 0x07, 1, 2, 3, 4],
        [0x4a, 0x01, 0x61, 0xfb, 0x07, 0x0a, 0x01, 0x61, 0x13, 0x14, 0xfc, 0x07],
        // a_string as a number, an_int32 as text and as a fixed one, the message as a number.
        [0x4a, 0x01, 0x61, 0x48, 0x05], [0x4a, 0x01, 0x61, 0x2a, 0x01, 0xff],
        [0x4a, 0x01, 0x61, 0x2d, 1, 2, 3, 4], [0x4a, 0x01, 0x61, 0x88, 0x01, 0x05],
    ] as [[UInt8]])
    func unknown(_ bytes: [UInt8]) throws {
        let message = try Every(serializedBytes: bytes)
        #expect(message.aString == "a")
        #expect(message.anInt32 == 0 && !message.hasPart)
        #expect(message.serializedBytes() == [0x4a, 0x01, 0x61])
    }

    @Test("takes the last of single values, joins messages that come twice, and lists packed or not")
    func merged() throws {
        let every = try Every(
            serializedBytes: [0x4a, 1, 0x61, 0x8a, 1, 3, 0x0a, 1, 0x78, 0x4a, 1, 0x62, 0x8a, 1, 4, 0x12, 2, 7, 8])
        #expect(every.aString == "b")
        #expect(every.part.name == "x" && every.part.sizes == [7, 8])
        let part = try Part(serializedBytes: [0x10, 1, 0x12, 2, 2, 3, 0x10, 4, 0x12, 0])
        #expect(part.sizes == [1, 2, 3, 4])
        let unpacked = try Lists(serializedBytes: [0x15, 0, 0, 0x80, 0x3f, 0x12, 4, 0, 0, 0, 0x40])
        #expect(unpacked.floats == [1, 2])
    }

    @Test("of a choice has the last that came")
    func choice() throws {
        let message = try Octavo_Testing_Choice(serializedBytes: [0x0a, 1, 0x61, 0x30, 1, 0x38, 5, 0x40, 6])
        guard case .truth(true)? = message.choice, case .two(6)? = message.other else {
            Issue.record("\(message)")
            return
        }
        #expect(message.text == "" && message.one == 0)
        // A part that comes twice is joined; after another member it begins anew.
        let joined = try Octavo_Testing_Choice(serializedBytes: [0x1a, 2, 0x10, 1, 0x1a, 2, 0x10, 2])
        #expect(joined.part.sizes == [1, 2])
        let anew = try Octavo_Testing_Choice(serializedBytes: [0x1a, 2, 0x10, 1, 0x30, 0, 0x1a, 2, 0x10, 2])
        #expect(anew.part.sizes == [2])
    }

    @Test("keeps numbers without a name in an enumeration, and takes 32 bits of longer ones")
    func numbers() throws {
        let message = try Every(
            serializedBytes: [
                0x80, 1, 9, 0x28, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x40, 0x80, 0x80, 0x80, 0x80, 0x10,
                0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
            ])
        #expect(message.aUint64 == .max)
        #expect(message.colour == .UNRECOGNIZED(9))
        #expect(message.anInt32 == -1)
        #expect(message.aBool)
        #expect(Octavo_Testing_Part.Kind.tiny == .small)
    }

    @Test("of a map has the last of equal keys, and defaults for what a pair leaves out")
    func maps() throws {
        let maps = try Octavo_Testing_Maps(
            serializedBytes: [0x0a, 4, 0x0a, 0, 0x12, 0, 0x0a, 3, 0x12, 1, 0x61, 0x0a, 3, 0x0a, 1, 0x6b, 0x1a, 0])
        #expect(maps.texts == ["": "a", "k": ""])
        #expect(maps.parts[""]?.name == "")
    }

    @Test("may be nested as deep as the limit, and no deeper")
    func depth() throws {
        func nested(_ levels: Int) -> [UInt8] {
            (0..<levels).reduce(into: [UInt8]()) { bytes, _ in
                var length = [UInt8]()
                var rest = bytes.count
                while rest >= 0x80 {
                    length.append(UInt8(rest & 0x7f | 0x80))
                    rest >>= 7
                }
                bytes = [UInt8(0x0a)] + length + [UInt8(rest)] + bytes
            }
        }
        let deepest = nested(ProtoReader.depthLimit)
        let tree = try Octavo_Testing_Tree(serializedBytes: deepest)
        #expect(tree.serializedBytes() == deepest)
        #expect(throws: ProtoError.tooDeep) {
            try Octavo_Testing_Tree(serializedBytes: nested(ProtoReader.depthLimit + 1))
        }
        let groups = Array(repeating: [0xfb, 0x07] as [UInt8], count: 200).flatMap { $0 }
        #expect(throws: ProtoError.tooDeep) { try Every(serializedBytes: groups) }
    }

    @Test("cut off anywhere is refused or is a shorter message, and nothing beyond its end is read")
    func truncated() throws {
        let whole = Samples.every.serializedBytes()
        for count in 0..<whole.count {
            // Memory of exactly that size: a sanitizer would see a byte too many.
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
            defer { memory.deallocate() }
            memory.copyBytes(from: whole.prefix(count))
            do throws(ProtoError) {
                let shorter = try Every(serializedBytes: UnsafeRawBufferPointer(memory))
                #expect(Array(whole.prefix(count)) == shorter.serializedBytes())
            } catch {
                #expect(error == .truncated)
            }
        }
    }
}
