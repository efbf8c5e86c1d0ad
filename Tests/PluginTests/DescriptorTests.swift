import COctavo
import COctavoRing
import Testing

@Suite struct DescriptorTests {
    static let plugins = ["memory", "sqlite", "redis", "local-secrets"]

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
}
