import COctavo

/// A component type of a loaded plugin. Sendable: constant and copied, but for the pointer, which is into the mapped
/// object and is followed by instances alone: the object outlives them.
package struct PluginType: @unchecked Sendable {
    let raw: UnsafePointer<octavo_type>
    package let name: String
    package let aliases: [String]
    package let version: String
    package let kind: Int32
    package let execution: Int32
    package let flags: UInt64
    package let features: UInt64
    package let schema: Schema

    init(_ raw: UnsafePointer<octavo_type>) {
        self.raw = raw
        let type = raw.pointee
        name = String(type.name)
        aliases = type.aliases.elements(as: octavo_str.self).map { String($0) }
        version = String(type.version)
        kind = type.kind
        execution = type.execution
        flags = type.flags
        features = type.features
        schema = Schema(type.schema)
    }

    package var executionName: String {
        switch execution {
        case OCTAVO_EXECUTION_REACTOR: "reactor"
        case OCTAVO_EXECUTION_BLOCKING: "blocking"
        default: "inline"
        }
    }
    package var isExclusive: Bool { flags & UInt64(OCTAVO_TYPE_EXCLUSIVE) != 0 }
    package var isSingleton: Bool { flags & UInt64(OCTAVO_TYPE_SINGLETON) != 0 }
    package var holdsState: Bool { flags & UInt64(OCTAVO_TYPE_HOLDS_STATE) != 0 }
}
