/// A 64-bit little-endian ELF file, read with every offset checked: what is in it comes from outside.
/// Source of the format: System V ABI, and `elf.h`.
struct ELFFile {
    let bytes: [UInt8]

    enum Malformed: Error, Equatable { case malformed(String) }

    struct Section {
        let name: String
        let type: UInt32
        let flags: UInt64
        let offset: Int
        let size: Int
        let link: Int
        let entrySize: Int
    }

    struct Segment {
        let type: UInt32
        let flags: UInt32
        let offset: Int
        let size: Int
        let address: UInt64
    }

    struct Symbol {
        let name: String
        let binding: UInt8
        let section: UInt16
        var isDefined: Bool { section != 0 }
    }

    struct Note {
        let owner: String
        let type: UInt32
        let description: ArraySlice<UInt8>
    }

    let fileClass: UInt8
    let dataEncoding: UInt8
    let type: UInt16
    let machine: UInt16
    let segments: [Segment]

    /// More entries of the dynamic section, symbols or notes than any plugin has; what is beyond is not read,
    /// so that a made-up file can't keep us busy.
    static let mostEntries = 4096
    static let mostSymbols = 1 << 18

    static let sharedObject: UInt16 = 3
    static let machineX86: UInt16 = 62
    static let machineARM: UInt16 = 183

    /// Reads the headers. Throws when the file is not ELF or ends before what it announces.
    init(_ bytes: [UInt8]) throws(Malformed) {
        self.bytes = bytes
        guard bytes.count >= 20, bytes[0] == 0x7f, bytes[1] == 0x45, bytes[2] == 0x4c, bytes[3] == 0x46 else {
            throw .malformed("it is not an ELF file")
        }
        fileClass = bytes[4]
        dataEncoding = bytes[5]
        guard fileClass == 2 else { throw .malformed("it is a 32-bit object; Octavo needs a 64-bit one") }
        guard dataEncoding == 1 else { throw .malformed("it is big-endian; Octavo needs a little-endian object") }
        guard bytes.count >= 64 else { throw .malformed("it ends within the ELF header") }
        type = ELFFile.u16(bytes, 16)
        machine = ELFFile.u16(bytes, 18)
        let tableOffset = ELFFile.u64(bytes, 32)
        let entrySize = Int(ELFFile.u16(bytes, 54))
        let count = Int(ELFFile.u16(bytes, 56))
        var segments: [Segment] = []
        if count > 0 {
            guard entrySize >= 56, let offset = Int(exactly: tableOffset), offset <= bytes.count,
                entrySize * count <= bytes.count - offset
            else { throw .malformed("its program headers lie outside the file") }
            for index in 0..<count {
                let at = offset + index * entrySize
                guard let from = Int(exactly: ELFFile.u64(bytes, at + 8)),
                    let size = Int(exactly: ELFFile.u64(bytes, at + 32)), from <= bytes.count,
                    size <= bytes.count - from
                else { throw .malformed("segment \(index) lies outside the file: it is cut off") }
                segments.append(
                    Segment(
                        type: ELFFile.u32(bytes, at), flags: ELFFile.u32(bytes, at + 4), offset: from, size: size,
                        address: ELFFile.u64(bytes, at + 16)))
            }
        }
        self.segments = segments
    }

    /// Where in the file the last of its segments ends, the headers among them; `nil` when `bytes`, its first ones, are
    /// not those of a file that `init` could read, or don't have all headers.
    static func endOfSegments(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 64, bytes[4] == 2, bytes[5] == 1 else { return nil }
        let entrySize = Int(u16(bytes, 54))
        let count = Int(u16(bytes, 56))
        guard entrySize >= 56, let table = Int(exactly: u64(bytes, 32)), table <= bytes.count,
            entrySize * count <= bytes.count - table
        else { return Int.max }
        var end = table + entrySize * count
        for index in 0..<count {
            let at = table + index * entrySize
            let (sum, overflow) = u64(bytes, at + 8).addingReportingOverflow(u64(bytes, at + 32))
            end = max(end, overflow ? Int.max : Int(clamping: sum))
        }
        return end
    }

    /// Whether the kernel would be asked for an executable stack.
    var wantsExecutableStack: Bool { segments.contains { $0.type == 0x6474_e551 && $0.flags & 1 != 0 } }

    /// The dynamic section as (tag, value) pairs.
    func dynamicEntries() -> [(tag: Int64, value: UInt64)] {
        guard let segment = segments.first(where: { $0.type == 2 }) else { return [] }
        var entries: [(Int64, UInt64)] = []
        var at = segment.offset
        while at + 16 <= segment.offset + segment.size, entries.count < ELFFile.mostEntries {
            let tag = Int64(bitPattern: ELFFile.u64(bytes, at))
            if tag == 0 { break }
            entries.append((tag, ELFFile.u64(bytes, at + 8)))
            at += 16
        }
        return entries
    }

    /// Where an address of the image is in the file.
    func fileOffset(of address: UInt64) -> Int? {
        for segment in segments where segment.type == 1 && address >= segment.address {
            let into = address - segment.address
            if into < UInt64(segment.size) { return segment.offset + Int(into) }
        }
        return nil
    }

    func text(at offset: Int, limit: Int = 4096) -> String? {
        guard offset >= 0, offset < bytes.count else { return nil }
        let end = min(bytes.count, offset + limit)
        guard let zero = bytes[offset..<end].firstIndex(of: 0) else { return nil }
        return String(decoding: bytes[offset..<zero], as: UTF8.self)
    }

    /// The dynamic symbols, by their own count from the hash tables; sections may have been stripped.
    func dynamicSymbols() throws(Malformed) -> [Symbol] {
        let dynamic = dynamicEntries()
        func value(_ tag: Int64) -> UInt64? { dynamic.first { $0.tag == tag }?.value }
        guard let symbolAddress = value(6), let textAddress = value(5), let symbols = fileOffset(of: symbolAddress),
            let texts = fileOffset(of: textAddress)
        else { return [] }
        let count = try symbolCount(gnuHash: value(0x6fff_fef5), hash: value(4))
        guard count <= (bytes.count - symbols) / 24 else {
            throw .malformed("its symbol table lies outside the file")
        }
        guard count <= ELFFile.mostSymbols else {
            throw .malformed("it has \(count) dynamic symbols, more than \(ELFFile.mostSymbols); hide what need not be exported")
        }
        return (0..<count).compactMap { index in
            let at = symbols + index * 24
            guard let name = text(at: texts + Int(ELFFile.u32(bytes, at)), limit: 256), !name.isEmpty else { return nil }
            return Symbol(name: name, binding: bytes[at + 4] >> 4, section: ELFFile.u16(bytes, at + 6))
        }
    }

    private func symbolCount(gnuHash: UInt64?, hash: UInt64?) throws(Malformed) -> Int {
        if let hash, let at = fileOffset(of: hash), at + 8 <= bytes.count { return Int(ELFFile.u32(bytes, at + 4)) }
        guard let gnuHash, let at = fileOffset(of: gnuHash), at + 16 <= bytes.count else { return 0 }
        let buckets = Int(ELFFile.u32(bytes, at))
        let first = Int(ELFFile.u32(bytes, at + 4))
        let bloom = Int(ELFFile.u32(bytes, at + 8))
        let bucketsAt = at + 16 + bloom * 8
        guard bucketsAt <= bytes.count, buckets <= (bytes.count - bucketsAt) / 4 else {
            throw .malformed("its hash table lies outside the file")
        }
        var highest = 0
        for index in 0..<buckets { highest = max(highest, Int(ELFFile.u32(bytes, bucketsAt + index * 4))) }
        guard highest >= first else { return first }
        // The last chain ends at the first entry whose lowest bit is set.
        var at2 = bucketsAt + buckets * 4 + (highest - first) * 4
        while true {
            guard at2 + 4 <= bytes.count else { throw .malformed("its hash table lies outside the file") }
            highest += 1
            if ELFFile.u32(bytes, at2) & 1 != 0 { return highest }
            at2 += 4
        }
    }

    /// All notes of note segments.
    func notes() -> [Note] {
        var found: [Note] = []
        for segment in segments where segment.type == 4 {
            var at = segment.offset
            let end = segment.offset + segment.size
            while at + 12 <= end, found.count < ELFFile.mostEntries {
                let nameSize = Int(ELFFile.u32(bytes, at))
                let size = Int(ELFFile.u32(bytes, at + 4))
                let name = at + 12
                let description = name + ((nameSize + 3) & ~3)
                guard nameSize <= end - name, description <= end, size <= end - description else { break }
                let owner = bytes[name..<name + nameSize].prefix { $0 != 0 }
                found.append(
                    Note(
                        owner: String(decoding: owner, as: UTF8.self), type: ELFFile.u32(bytes, at + 8),
                        description: bytes[description..<description + size]))
                at = description + ((size + 3) & ~3)
            }
        }
        return found
    }

    static func u16(_ bytes: [UInt8], _ at: Int) -> UInt16 { UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8 }

    static func u32(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(u16(bytes, at)) | UInt32(u16(bytes, at + 2)) << 16
    }

    static func u64(_ bytes: [UInt8], _ at: Int) -> UInt64 {
        UInt64(u32(bytes, at)) | UInt64(u32(bytes, at + 4)) << 32
    }
}
