import DaprProtos
import EveryKind
import ProtoWire
import Testing

/// Messages with a value in every field.
enum Samples {
    static let every = Octavo_Testing_Every.with {
        $0.aDouble = -1.5
        $0.aFloat = 0.25
        $0.anInt64 = .min
        $0.aUint64 = .max
        $0.anInt32 = -1
        $0.aFixed64 = .max - 1
        $0.aFixed32 = 7
        $0.aBool = true
        $0.aString = "schlüssel"
        $0.someBytes = [0, 0xff]
        $0.aUint32 = .max
        $0.anSfixed32 = .min
        $0.anSfixed64 = -2
        $0.anSint32 = .min
        $0.anSint64 = .max
        $0.colour = .negative
        $0.part.name = "p"
    }
}

@Suite("A message that is written")
struct WritingTests {
    @Test("has its fields in order, in the layouts of the encoding")
    func layouts() {
        #expect(
            Samples.every.serializedBytes() == [
                0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0xbf, 0x15, 0, 0, 0x80, 0x3e,
                0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1,
                0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
                0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
                0x31, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3d, 7, 0, 0, 0, 0x40, 1,
                0x4a, 10, 0x73, 0x63, 0x68, 0x6c, 0xc3, 0xbc, 0x73, 0x73, 0x65, 0x6c, 0x52, 2, 0, 0xff,
                0x58, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x65, 0, 0, 0, 0x80, 0x69, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                0x70, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x78, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
                0x80, 1, 0x80, 0x80, 0x80, 0x80, 0xf8, 0xff, 0xff, 0xff, 0xff, 1, 0x8a, 1, 3, 0x0a, 1, 0x70,
            ])
    }

    @Test("leaves out defaults, but not those that were set where presence counts")
    func presence() throws {
        #expect(Octavo_Testing_Every().serializedBytes().isEmpty)
        #expect(Octavo_Testing_Lists().serializedBytes().isEmpty)
        var optional = Octavo_Testing_Optional()
        #expect(optional.serializedBytes().isEmpty && !optional.hasAString && !optional.hasPart)
        optional.aString = ""
        optional.aBool = false
        optional.part = .init()
        let read = try Octavo_Testing_Optional(serializedBytes: optional.serializedBytes())
        #expect(read.hasAString && read.hasABool && read.hasPart && !read.hasAnInt32)
        optional.clearAString()
        optional.clearPart()
        #expect(optional.serializedBytes() == [0x40, 0])
        #expect(Octavo_Testing_Choice.with { $0.choice = .text("") }.serializedBytes() == [0x0a, 0])
        // Minus zero is not zero.
        #expect(Octavo_Testing_Every.with { $0.aDouble = -0.0 }.serializedBytes().count == 9)
    }

    @Test("has lengths of one byte and of more", arguments: [0, 1, 127, 128, 300, 16_383, 16_384, 70_000, 3_000_000])
    func lengths(_ count: Int) throws {
        let message = Octavo_Testing_Tree.with {
            $0.left.branches = [.with { $0.leaf = String(repeating: "x", count: count) }]
        }
        let read = try Octavo_Testing_Tree(serializedBytes: message.serializedBytes())
        #expect(read.left.branches.first?.leaf.utf8.count == count)
        #expect(read.serializedBytes() == message.serializedBytes())
    }

    @Test("can contain itself in every way")
    func recursion() throws {
        var tree = Octavo_Testing_Tree()
        tree.left.left.leaf = "a"
        tree.branches = [tree, .init()]
        tree.named = ["n": tree]
        tree.tree = tree
        tree.detour.tree.leaf = "b"
        let read = try Octavo_Testing_Tree(serializedBytes: tree.serializedBytes())
        #expect(read.serializedBytes() == tree.serializedBytes())
        #expect(read.named["n"]?.left.left.leaf == "a")
        #expect(read.tree.branches.count == 2)
        #expect(read.hasDetour && read.detour.tree.leaf == "b" && !read.detour.tree.hasLeft)
        var changed = read
        changed.left.left.leaf = "c"
        #expect(read.left.left.leaf == "a", "a copy is a copy")
    }

    @Test("within an Any is found by its type")
    func any() throws {
        let etag = Dapr_Proto_Common_V1_Etag.with { $0.value = "7" }
        let any = Google_Protobuf_Any(message: etag)
        #expect(any.typeURL == "type.googleapis.com/dapr.proto.common.v1.Etag")
        #expect(any.isA(Dapr_Proto_Common_V1_Etag.self) && !any.isA(Google_Protobuf_Any.self))
        #expect(try Dapr_Proto_Common_V1_Etag(unpackingAny: any).value == "7")
    }
}
