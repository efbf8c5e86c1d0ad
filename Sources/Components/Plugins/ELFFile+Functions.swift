/// Functions of an object by their addresses, to put names to a backtrace.
extension ELFFile {
    struct Function {
        let address: UInt64
        let size: UInt64
        let name: String
    }

    /// The functions that the file names: of its symbol table, else of its dynamic symbols; by address. What is
    /// outside of the file is left out.
    func functions() -> [Function] {
        let tables = symbolTables()
        guard let table = tables.first(where: { $0.type == 2 }) ?? tables.first else { return [] }
        var found: [Function] = []
        for index in 0..<min(table.size / 24, ELFFile.mostSymbols) {
            let at = table.offset + index * 24
            guard bytes[at + 4] & 0xf == 2, ELFFile.u16(bytes, at + 6) != 0 else { continue }
            let into = Int(ELFFile.u32(bytes, at))
            guard into < table.textSize, let name = text(at: table.textOffset + into, limit: 512), !name.isEmpty else { continue }
            found.append(Function(address: ELFFile.u64(bytes, at + 8), size: ELFFile.u64(bytes, at + 16), name: name))
        }
        return found.sorted { $0.address < $1.address }
    }

    private struct SymbolTable {
        let type: UInt32
        let offset: Int
        let size: Int
        let textOffset: Int
        let textSize: Int
    }

    private func symbolTables() -> [SymbolTable] {
        let count = Int(ELFFile.u16(bytes, 60))
        guard ELFFile.u16(bytes, 58) == 64, let sections = Int(exactly: ELFFile.u64(bytes, 40)), sections > 0,
            sections <= bytes.count, count <= (bytes.count - sections) / 64
        else { return [] }
        /// Type, link and place of a section that lies in the file.
        func section(_ index: Int) -> (type: UInt32, link: Int, offset: Int, size: Int)? {
            guard index < count else { return nil }
            let at = sections + index * 64
            guard let offset = Int(exactly: ELFFile.u64(bytes, at + 24)), let size = Int(exactly: ELFFile.u64(bytes, at + 32)),
                offset <= bytes.count, size <= bytes.count - offset
            else { return nil }
            return (ELFFile.u32(bytes, at + 4), Int(ELFFile.u32(bytes, at + 40)), offset, size)
        }
        return (0..<count).compactMap { index in
            guard let one = section(index), one.type == 2 || one.type == 11, let text = section(one.link) else { return nil }
            return SymbolTable(type: one.type, offset: one.offset, size: one.size, textOffset: text.offset, textSize: text.size)
        }
    }
}
