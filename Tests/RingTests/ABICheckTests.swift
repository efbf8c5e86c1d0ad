import Testing

@Suite struct ABICheckTests {
    @Test("the headers keep what was released")
    func unchanged() {
        let check = run("tools/abi-check")
        #expect(check.code == 0, "\(check.text)")
    }

    /// A change to a copy of the headers, and what must be said of it; `nil` when it is allowed.
    static let changes: [(String, String, String?)] = [
        ("octavo_types.h", "s/    int64_t retry_after_ns;.*//", "octavo_error"),
        ("state.h", "s/    octavo_str etag;$/    octavo_bytes etag;/", "etag was"),
        ("state.h", "s/    int32_t consistency;$/    int64_t consistency;/", "octavo_state_get_request"),
        ("state.h", "s/^#define OCTAVO_STATE_OP_SET 1/#define OCTAVO_STATE_OP_SET 12/", "OCTAVO_STATE_OP_SET was"),
        ("secret_store.h", "s/^#define OCTAVO_SECRET_BULK.*//", "OCTAVO_SECRET_BULK is gone"),
        ("lock.h", "s/    uint64_t fencing;.*/&\\n    uint64_t more;/", nil),
        ("lock.h", "s/^#define OCTAVO_LOCK_HELD 1/&\\n#define OCTAVO_LOCK_MORE 9/", nil),
    ]

    @Test("a change that breaks plugins is found, one that does not is let through", arguments: changes)
    func changed(_ file: String, _ edit: String, _ complaint: String?) {
        let folder = Folder()
        // The assertions of the headers themselves are out of the way.
        _ = run("cp -r sdk-c/include '\(folder.path)/' && sed -i -e '/^OCTAVO_ASSERT_/d' '\(folder.path)'/include/octavo/*.h")
        let edited = run("sed -i -e '\(edit)' '\(folder.path)/include/octavo/\(file)' && ! diff -q <(sed '/^OCTAVO_ASSERT_/d' sdk-c/include/octavo/\(file)) '\(folder.path)/include/octavo/\(file)'".replacingShell)
        #expect(edited.code == 0, "the edit changed nothing: \(edited.text)")
        let check = run("tools/abi-check --headers '\(folder.path)/include'")
        if let complaint {
            #expect(check.code != 0 && check.text.contains(complaint), "\(check.text)")
        } else {
            #expect(check.code == 0, "\(check.text)")
        }
    }
}

extension String {
    /// Process substitution is bash's own.
    fileprivate var replacingShell: String {
        var quoted = ""
        for character in self { quoted += character == "'" ? "'\\''" : String(character) }
        return "bash -c '\(quoted)'"
    }
}
