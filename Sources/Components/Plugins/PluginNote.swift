/// What a plugin says of itself in its note section, readable without running it. Source of the
/// format: `octavo/octavo_note.h`.
package struct PluginNote: Sendable, Equatable {
    package var major: UInt16
    package var minor: UInt16
    package var kinds: UInt32
    package var flags: UInt32
    package var id: String
    package var version: String
    package var types: [String]

    static let owner = "OCTAVO"
    static let noteType: UInt32 = 1

    /// `nil` when the description is not one of ours.
    init?(_ description: ArraySlice<UInt8>) {
        let bytes = [UInt8](description)
        guard bytes.count > 16, bytes.count <= 64 << 10, bytes.last == 0 else { return nil }
        major = ELFFile.u16(bytes, 0)
        minor = ELFFile.u16(bytes, 2)
        kinds = ELFFile.u32(bytes, 4)
        flags = ELFFile.u32(bytes, 8)
        let texts = bytes[16...].split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        // Texts, an empty one that ends them, and what follows the last NUL.
        guard texts.count >= 4, let end = texts.firstIndex(of: ""), end >= 3 else { return nil }
        id = texts[0]
        version = texts[1]
        types = Array(texts[2..<end])
        // The id names a folder and threads, so it is held to its rules before anything else.
        guard PluginNote.isID(id), types.count <= 256, types.allSatisfy({ $0.utf8.count <= 128 }) else { return nil }
    }

    /// 1 to 64 of a-z, 0-9 and -.
    static func isID(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
    }
}
