import COctavo
import COctavoRing
import Glibc
import PluginCheck
import Testing

@Suite struct DescriptorTests {
    static let plugins = [
        "memory", "sqlite", "redis", "local-secrets", "config-file", "crypto", "rabbitmq", "mqtt", "nats",
        "postgresql", "etcd", "local-bindings", "web-bindings", "vault", "kubernetes", "aws", "middleware", "names", "consul",
    ]

    @Test("a descriptor keeps the rules of the header", arguments: plugins)
    func rules(_ name: String) throws {
        let descriptor = try Plugin(name).descriptor.pointee
        #expect(text(descriptor.id) == name)
        #expect(descriptor.size == UInt32(MemoryLayout<octavo_plugin>.size))
        #expect(descriptor.type_count > 0)
        for index in 0..<Int(descriptor.type_count) {
            let type = descriptor.types[index].pointee
            let kind = try #require(octavo_kind_at(type.kind)).pointee
            #expect(text(type.name)?.hasPrefix(String(cString: kind.prefix)) == true)
            #expect(type.ops.load(as: UInt32.self) >= kind.ops_min_size)
            #expect(type.life.pointee.size == UInt32(MemoryLayout<octavo_life>.size))
            let schema = try #require(type.schema).pointee
            #expect(text(schema.title)?.isEmpty == false)
            for field in elements(schema.fields, of: octavo_field.self) {
                #expect(text(field.name)?.isEmpty == false)
                #expect(text(field.description)?.hasSuffix(".") == true)
                #expect(field.type != OCTAVO_FIELD_ENUM || field.allowed.count > 0)
            }
        }
    }

    @Test("the descriptor is the same each time it is asked for", arguments: plugins)
    func stable(_ name: String) throws {
        #expect(try Plugin(name).descriptor == Plugin(name).descriptor)
    }

    @Test("the note says what the descriptor says, and stays when the file is stripped", arguments: plugins)
    func note(_ name: String) throws {
        let plugin = try Plugin(name)
        let folder = TemporaryFolder()
        #expect(shell("strip -o '\(folder.path)/stripped.so' '\(plugin.path)'").code == 0)
        let file = try #require(fopen("\(folder.path)/stripped.so", "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        let owner = Array("OCTAVO\0\0".utf8)
        let at = try #require((0..<bytes.count - 64).first { bytes[$0] == owner[0] && Array(bytes[$0..<$0 + 8]) == owner })
        func number(_ offset: Int, _ size: Int) -> UInt32 {
            (0..<size).reduce(0) { $0 | UInt32(bytes[at + offset + $1]) << (8 * UInt32($1)) }
        }
        let size = Int(number(-8, 4))
        #expect(number(8, 2) == UInt32(OCTAVO_ABI_MAJOR) && number(10, 2) == plugin.descriptor.pointee.abi_minor)
        #expect(number(16, 4) == plugin.descriptor.pointee.flags)
        let texts = bytes[(at + 24)..<(at + 8 + size)].split(separator: 0, omittingEmptySubsequences: true)
            .map { String(decoding: $0, as: UTF8.self) }
        var expected = [name, text(plugin.descriptor.pointee.version)!]
        var kinds: UInt32 = 0
        for index in 0..<Int(plugin.descriptor.pointee.type_count) {
            let type = plugin.descriptor.pointee.types[index].pointee
            expected.append(text(type.name)!)
            expected += elements(type.aliases, of: octavo_str.self).map { text($0)! }
            kinds |= 1 << UInt32(type.kind)
        }
        #expect(texts == expected)
        #expect(number(12, 4) == kinds)
    }

    @Test("a plugin can be loaded and unloaded many times, and nothing of it stays", arguments: plugins)
    func unload(_ name: String) throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/copy.so"
        #expect(shell("cp '\(try Plugin(name).path)' '\(path)'").code == 0)
        for _ in 0..<100 {
            let handle = try #require(dlopen(path, RTLD_NOW | RTLD_LOCAL))
            typealias Entry = @convention(c) () -> UnsafePointer<octavo_plugin>?
            let entry = unsafeBitCast(dlsym(handle, OCTAVO_ENTRY_SYMBOL)!, to: Entry.self)
            #expect(entry()?.pointee.type_count ?? 0 > 0)
            #expect(dlclose(handle) == 0)
        }
        #expect(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == nil)
        #expect(shell("grep -c '\(path)' /proc/\(getpid())/maps").text == "0\n")
    }

    @Test("a plugin exports its entry and nothing else", arguments: plugins)
    func exports(_ name: String) throws {
        let symbols = shell("nm -D --defined-only --extern-only '\(try Plugin(name).path)' | awk '{ print $3 }'").text
        #expect(symbols == "octavo_plugin_v1\n")
    }
}
