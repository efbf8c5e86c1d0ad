import COctavo

/// Checks what a plugin says of itself. A pointer that the header calls non-null may be null here: it
/// is looked at as a number before it is followed.
struct DescriptorCheck {
    let path: String
    let note: PluginNote?

    private static func isNull(_ structure: UnsafeRawPointer, _ offset: Int) -> Bool {
        structure.loadUnaligned(fromByteOffset: offset, as: UInt.self) == 0
    }

    private func lie(_ cause: String) -> PluginError { .descriptor(path: path, cause: cause) }

    private func requireSize<Structure>(_ pointer: UnsafePointer<Structure>, _ name: String, _ minimum: Int)
        throws(PluginError)
    {
        let size = UnsafeRawPointer(pointer).loadUnaligned(as: UInt32.self)
        guard Int(size) >= minimum else {
            throw .tooShort(path: path, structure: name, size: size, minimum: UInt32(minimum))
        }
    }

    /// The types of a descriptor that may be trusted as far as it can be known.
    func check(_ plugin: UnsafePointer<octavo_plugin>, hostFeatures: UInt64, hostMinor: UInt32)
        throws(PluginError) -> [UnsafePointer<octavo_type>]
    {
        try requireSize(plugin, "descriptor (octavo_plugin)", MemoryLayout<octavo_plugin>.size)
        let descriptor = plugin.pointee
        guard descriptor.min_host_minor <= hostMinor else {
            throw .newerMinor(path: path, needs: descriptor.min_host_minor, has: hostMinor)
        }
        let unknown = descriptor.requires_features & ~hostFeatures
        guard unknown == 0 else {
            throw .unknownFeatures(path: path, features: DescriptorCheck.featureNames(unknown))
        }
        guard descriptor.id.isPresent, descriptor.id.size > 0 else { throw lie("it has no id") }
        let id = String(descriptor.id)
        guard PluginNote.isID(id) else { throw lie("its id \"\(id)\" may only hold a-z, 0-9 and -, at most 64 of them") }
        let version = String(descriptor.version)
        guard isSemantic(version) else {
            throw lie("its version \"\(version)\" is not a semantic version such as 1.4.0")
        }
        guard !DescriptorCheck.isNull(plugin, MemoryLayout.offset(of: \octavo_plugin.types)!), descriptor.type_count > 0
        else { throw lie("it offers no component types") }
        guard descriptor.type_count <= 256 else { throw lie("it offers \(descriptor.type_count) types, more than 256") }

        var types: [UnsafePointer<octavo_type>] = []
        var names: Set<String> = []
        for index in 0..<Int(descriptor.type_count) {
            let slot = UnsafeRawPointer(descriptor.types).loadUnaligned(fromByteOffset: index * 8, as: UInt.self)
            guard let type = UnsafePointer<octavo_type>(bitPattern: slot) else { throw lie("type \(index) is null") }
            for name in try check(type, index: index) where !names.insert(name).inserted {
                throw lie("it offers the type \(name) twice")
            }
            types.append(type)
        }
        try compareWithNote(id: id, version: version, names: names, flags: descriptor.flags)
        return types
    }

    private func check(_ pointer: UnsafePointer<octavo_type>, index: Int) throws(PluginError) -> [String] {
        try requireSize(pointer, "type \(index) (octavo_type)", MemoryLayout<octavo_type>.size)
        let type = pointer.pointee
        guard type.name.isPresent, type.name.size > 0 else { throw lie("type \(index) has no name") }
        let name = String(type.name)
        guard let kind = octavo_kind_at(type.kind) else {
            throw lie("type \(name) is of kind \(type.kind), which this runtime does not know")
        }
        let prefix = String(cString: kind.pointee.prefix)
        guard name.hasPrefix(prefix) else {
            throw lie("type \(name) is of kind \(String(cString: kind.pointee.name)), so its name must begin with \(prefix)")
        }
        let aliases = type.aliases.elements(as: octavo_str.self).map { String($0) }
        for alias in aliases where !alias.hasPrefix(prefix) {
            throw lie("the alias \(alias) of type \(name) must begin with \(prefix) too")
        }
        guard (OCTAVO_EXECUTION_INLINE...OCTAVO_EXECUTION_BLOCKING).contains(type.execution) else {
            throw lie("type \(name) has the execution \(type.execution), which does not exist")
        }
        guard !DescriptorCheck.isNull(pointer, MemoryLayout.offset(of: \octavo_type.life)!) else {
            throw lie("type \(name) has no life table")
        }
        try requireSize(type.life, "life table of \(name) (octavo_life)", MemoryLayout<octavo_life>.size)
        for (offset, function) in [
            (MemoryLayout.offset(of: \octavo_life.create)!, "create"),
            (MemoryLayout.offset(of: \octavo_life.destroy)!, "destroy"),
        ] where DescriptorCheck.isNull(type.life, offset) {
            throw lie("type \(name) has no \(function) function")
        }
        guard !DescriptorCheck.isNull(pointer, MemoryLayout.offset(of: \octavo_type.ops)!) else {
            throw lie("type \(name) has no table of operations")
        }
        let opsSize = type.ops.loadUnaligned(as: UInt32.self)
        guard opsSize >= kind.pointee.ops_min_size else {
            throw .tooShort(
                path: path, structure: "operations table of \(name)", size: opsSize,
                minimum: kind.pointee.ops_min_size)
        }
        for op in DescriptorCheck.mandatory(type.kind) where octavo_op_at(type.ops, UInt32(op)) == nil {
            throw lie("type \(name) has no \(String(cString: kind.pointee.ops[Int(op)].name)) operation")
        }
        try checkSchema(type, name)
        return [name] + aliases
    }

    private func checkSchema(_ type: octavo_type, _ name: String) throws(PluginError) {
        guard let schema = type.schema else { return }
        try requireSize(schema, "schema of \(name) (octavo_schema)", MemoryLayout<octavo_schema>.size)
        let fields = schema.pointee.fields
        guard fields.count == 0 || Int(fields.stride) >= MemoryLayout<octavo_field>.size else {
            throw lie("the fields of \(name) are \(fields.stride) bytes apart, shorter than a field")
        }
        for field in fields.elements(as: octavo_field.self) {
            guard field.name.isPresent, field.name.size > 0 else { throw lie("a field of \(name) has no name") }
            guard (OCTAVO_FIELD_STRING...OCTAVO_FIELD_LIST).contains(field.type) else {
                throw lie("field \(String(field.name)) of \(name) has the type \(field.type), which does not exist")
            }
        }
        for field in Schema(schema).fields {
            guard let text = field.defaultText, case .failure(let expected) = SettingValue.parse(text, as: field) else {
                continue
            }
            throw lie("the default of field \(field.name) of \(name) must be \(expected.text)")
        }
    }

    private func compareWithNote(id: String, version: String, names: Set<String>, flags: UInt32) throws(PluginError) {
        guard let note else { return }
        if note.id != id { throw lie("its note says id \(note.id), its descriptor \(id)") }
        if note.version != version { throw lie("its note says version \(note.version), its descriptor \(version)") }
        if Set(note.types) != names {
            throw lie(
                "its note lists \(note.types.sorted().joined(separator: ", ")), its descriptor "
                    + names.sorted().joined(separator: ", "))
        }
        if note.flags != flags { throw lie("its note says flags \(note.flags), its descriptor \(flags)") }
    }

    private static func mandatory(_ kind: Int32) -> [Int32] {
        switch kind {
        case OCTAVO_KIND_STATE: [OCTAVO_STATE_OP_GET, OCTAVO_STATE_OP_SET, OCTAVO_STATE_OP_REMOVE]
        case OCTAVO_KIND_SECRET_STORE: [OCTAVO_SECRET_OP_GET]
        default: [0]
        }
    }

    private static func featureNames(_ bits: UInt64) -> String {
        let names = ["calls", "streams", "sources", "metrics", "tracing", "reactor", "memory", "threads", "secrets",
            "config", "reply_fd"]
        return (0..<64).filter { bits & (1 << UInt64($0)) != 0 }
            .map { $0 < names.count ? names[$0] : "bit \($0)" }.joined(separator: ", ")
    }

    private func isSemantic(_ version: String) -> Bool {
        let core = version.split(whereSeparator: { $0 == "-" || $0 == "+" }).first ?? ""
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    }
}
