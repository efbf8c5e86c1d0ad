import Testing

/// Programs in C that run the runtime's C under the sanitizers, which a Swift test can't.
@Suite("Under the sanitizers")
struct NativeTests {
    enum Sanitizer: String, CaseIterable {
        case address
        case thread

        /// gcc's ThreadSanitizer needs no more than its own library.
        var compiler: String {
            switch self {
            case .address: "clang -fuse-ld=lld -fsanitize=address,undefined -fno-sanitize-recover"
            case .thread: "gcc -Wno-tsan -fsanitize=thread"
            }
        }
    }

    private func check(_ program: String, _ sanitizer: Sanitizer, _ arguments: String) throws {
        let folder = Folder()
        let build = run(
            "\(sanitizer.compiler) -std=c11 -O1 -g -Isdk-c/include -ISources/COctavoRing/include -ISources/COctavoHost/include "
                + "Tests/RingTests/Native/\(program).c Sources/COctavoRing/*.c Sources/COctavoHost/*.c -lpthread "
                + "-o \(folder.path)/check")
        try #require(build.code == 0, "\(build.text)")
        let check = run("\(folder.path)/check \(arguments)")
        #expect(check.code == 0, "\(check.text)")
    }

    @Test("a call ends once, whatever threads do with its handle", arguments: Sanitizer.allCases, [1, 2] as [UInt64])
    func calls(_ sanitizer: Sanitizer, _ seed: UInt64) throws { try check("calls_check", sanitizer, "\(seed) 30000") }

    @Test("a source gets what it was granted, and nothing after its end", arguments: Sanitizer.allCases, [1, 2] as [UInt64])
    func sources(_ sanitizer: Sanitizer, _ seed: UInt64) throws { try check("sources_check", sanitizer, "\(seed) 30000") }

    @Test("a channel loses no entry and no wake-up", arguments: Sanitizer.allCases, [1, 2] as [UInt64])
    func channel(_ sanitizer: Sanitizer, _ seed: UInt64) throws { try check("channel_check", sanitizer, "\(seed) 100000") }

    @Test("no interleaving loses a wake-up, and each part of the protocol is needed for that", arguments: 0...4)
    func wakeUps(leftOut: Int) throws {
        let folder = Folder()
        let build = run(
            "gcc -std=gnu11 -O2 -Wall -Wextra -Werror -Isdk-c/include -ISources/COctavoRing/include "
                + "Tests/RingTests/Native/wake_check.c -o \(folder.path)/check")
        try #require(build.code == 0, "\(build.text)")
        let check = run("\(folder.path)/check 3 \(leftOut)")
        #expect(check.code == (leftOut == 0 ? 0 : 1), "\(check.text)")
        #expect(check.text.contains(leftOut == 0 ? "no wake-up is lost" : "a wake-up is lost"))
    }
}
