import COctavo
import COctavoIsolation

/// A process of an isolated plugin generation, or its place in one that it shares, with the types as instances there have
/// them.
///
/// Sendable: all constant; the pointers in `types` are followed by instances alone, which end before it.
final class PluginProcess: @unchecked Sendable {
    let isolated: IsolatedPlugin
    /// The plugin's number in that process.
    let member: UInt32
    let types: [PluginType]

    init(_ isolated: IsolatedPlugin, member: UInt32 = 0) {
        self.isolated = isolated
        self.member = member
        let descriptor = isolated.descriptor(of: member)
        types = (0..<Int(descriptor.pointee.type_count)).map { index in
            PluginType(descriptor.pointee.types[index])
        }
    }
}
