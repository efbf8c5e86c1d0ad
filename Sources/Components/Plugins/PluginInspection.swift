import COctavo
import Glibc

/// What a plugin file is, found out without running any of its code.
package struct PluginInspection: Sendable {
    package let path: String
    /// The file's name without folder and ending.
    package let fileName: String
    package let size: Int
    package let buildID: String
    package let needed: [String]
    /// `nil` when the file has no note: then only running it tells what it offers.
    package let note: PluginNote?
    package let unloadClass: UnloadClass
    package let unloadReason: String
    /// Identifies this very file, to see whether another was put in its place.
    package let identity: FileIdentity

    package var id: String { note?.id ?? fileName }

    static var ownMachine: UInt16 {
        #if arch(arm64)
            ELFFile.machineARM
        #else
            ELFFile.machineX86
        #endif
    }

    static func machineName(_ machine: UInt16) -> String {
        switch machine {
        case 3: "x86 (32-bit)"
        case ELFFile.machineX86: "x86-64"
        case 40: "ARM (32-bit)"
        case ELFFile.machineARM: "ARM64"
        case 243: "RISC-V"
        default: "machine \(machine)"
        }
    }

    /// Inspects the file, or says in one sentence why it can't be a plugin.
    package init(path: String) throws(PluginError) {
        let file = try PluginFile(path: path)
        try self.init(path: path, bytes: file.loadedPart(), identity: file.identity)
    }

    /// The same for bytes that were read already, the file's from its start.
    package init(path: String, bytes: [UInt8], identity: FileIdentity) throws(PluginError) {
        let file: ELFFile
        let symbols: [ELFFile.Symbol]
        do throws(ELFFile.Malformed) {
            file = try ELFFile(bytes)
            symbols = file.machine == PluginInspection.ownMachine ? try file.dynamicSymbols() : []
        } catch {
            switch error {
            case .malformed(let cause): throw .malformed(path: path, cause: cause)
            }
        }
        guard file.machine == PluginInspection.ownMachine else {
            throw .wrongMachine(path: path, machine: file.machine)
        }
        guard file.type == ELFFile.sharedObject else { throw .wrongType(path: path) }
        let dynamic = file.dynamicEntries()
        guard !dynamic.isEmpty else { throw .malformed(path: path, cause: "it has no dynamic section") }
        if file.wantsExecutableStack { throw .executableStack(path: path) }
        let flags = dynamic.first { $0.tag == 30 }?.value ?? 0
        if dynamic.contains(where: { $0.tag == 22 }) || flags & 0x4 != 0 { throw .textRelocations(path: path) }

        let exported = Set(symbols.lazy.filter { $0.isDefined && $0.binding != 0 }.map(\.name))
        guard exported.contains(OCTAVO_ENTRY_SYMBOL) else {
            for major in 2...9 where exported.contains("octavo_plugin_v\(major)") {
                throw .newerABI(path: path, major: major)
            }
            throw .noEntry(path: path)
        }

        let texts = dynamic.first { $0.tag == 5 }.flatMap { file.fileOffset(of: $0.value) }
        needed = dynamic.filter { $0.tag == 1 }.compactMap { entry in
            guard let texts, let offset = Int(exactly: entry.value), offset < bytes.count else { return nil }
            return file.text(at: texts + offset)
        }
        let notes = file.notes()
        buildID =
            notes.first { $0.owner == "GNU" && $0.type == 3 }?.description.map(hexadecimal).joined() ?? ""
        if let own = notes.first(where: { $0.owner == PluginNote.owner && $0.type == PluginNote.noteType }) {
            guard let note = PluginNote(own.description) else { throw .noteUnreadable(path: path) }
            self.note = note
        } else {
            note = nil
        }
        (unloadClass, unloadReason) = file.unloadClass(
            needed: needed, symbols: symbols,
            unloadableFlag: note.map { $0.flags & UInt32(OCTAVO_PLUGIN_UNLOADABLE) != 0 })
        self.path = path
        self.size = max(identity.size, bytes.count)
        self.identity = identity
        fileName = PluginInspection.shortName(path)
    }

    /// "…/liboctavo-plugin-redis.so" and "…/redis.so" are both `redis`.
    static func shortName(_ path: String) -> String {
        var name = path.split(separator: "/").last.map(String.init) ?? path
        if name.hasSuffix(".so") { name.removeLast(3) }
        for prefix in ["liboctavo-plugin-", "lib"] where name.hasPrefix(prefix) && name.count > prefix.count {
            return String(name.dropFirst(prefix.count))
        }
        return name
    }
}

/// Which file it was: device, inode, size and time of change.
package struct FileIdentity: Sendable, Equatable {
    var device: UInt64 = 0
    var inode: UInt64 = 0
    var size = 0
    var changed: Int64 = 0

    package init() {}

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = status.st_size
        changed = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}

func hexadecimal(_ byte: UInt8) -> String {
    let text = String(byte, radix: 16)
    return byte < 16 ? "0" + text : text
}

/// What the system says of an `errno`.
package func systemError(_ number: Int32) -> String { String(cString: strerror(number)) }
