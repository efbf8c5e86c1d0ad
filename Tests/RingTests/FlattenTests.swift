import COctavo
import COctavoRing
import Testing

@Suite struct FlattenTests {
    @Test("random structures of every layout survive flattening, under the sanitizers", arguments: [1, 2, 3] as [UInt64])
    func sanitized(_ seed: UInt64) throws {
        let folder = Folder()
        let build = run(
            "clang -fuse-ld=lld -std=c11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover -Isdk-c/include "
                + "-ISources/COctavoRing/include Tests/RingTests/Native/flatten_check.c Sources/COctavoRing/*.c -o \(folder.path)/check")
        try #require(build.code == 0, "\(build.text)")
        let check = run("\(folder.path)/check \(seed) 60")
        #expect(check.code == 0, "\(check.text)")
    }

    @Test("every kind has a table, in the order of its numbers")
    func kinds() throws {
        for number in OCTAVO_KIND_STATE...OCTAVO_KIND_LAST {
            let kind = try #require(octavo_kind_at(number)).pointee
            #expect(kind.kind == number)
            #expect(kind.ops_min_size == 8 + 8 * kind.op_count)
            #expect(String(cString: kind.prefix).hasSuffix("."))
        }
        for number in [-1, 0, OCTAVO_KIND_LAST + 1] { #expect(octavo_kind_at(number) == nil) }
    }
}
