/// The pieces of a new plugin's source in Embedded Swift, by the kinds that PluginKit has a class for.
enum SwiftTemplate {
    static func plugin(id: String, type: String, factory: String, execution: String, title: String, fields: String) -> String {
        """
        import PluginKit

        /// What the plugin is: made once, when the runtime first asks for it, and constant after that.
        nonisolated(unsafe) private let descriptor = describe(
            id: "\(id)", version: "0.1.0", vendor: "you", description: "What it is for",
            types: [
                .\(factory)(
                    "\(type)", .\(execution), features: 0,
                    schema: Schema(title: "\(title)", description: "What it is for.", maturity: "alpha"\(fields)),
                    make: { (config, instance) throws(PluginError) in try Store(config, instance) })
            ])

        /// The one symbol that the plugin exports.
        @c(octavo_plugin_v1)
        public func octavo_plugin_v1() -> UnsafePointer<octavo_plugin>? { descriptor }

        """
    }

    static let stateFields = ""
    static let secretFields = """
        ,
                        fields: [
                            .string(
                                "secrets", sensitive: true, example: "greeting=hello,answer=42",
                                "The secrets as name=value, separated by commas.")
                        ]
        """

    /// A store in memory.
    static let state = #"""
        import PluginKit

        /// A component of the type. Called from several event loops at once (`.inline`), so it must never block.
        final class Store: StateStore {
            private let lock = Lock()
            private var values: [[UInt8]: [UInt8]] = [:]

            /// No I/O: what connects is `start`. The settings are only valid here.
            init(_ config: Config, _ instance: Instance) throws(PluginError) {
                super.init(instance, Features(0))
            }

            override func get(_ request: UnsafePointer<octavo_state_get_request>, _ reply: GetReply) throws(PluginError) {
                let key = request.pointee.key.array
                // The lock must not be held while a call is ended.
                guard let value = lock.with({ values[key] }) else { return reply.missing() }
                value.withUnsafeBytes { reply.found(value: Bytes($0), etag: .absent) }
            }

            override func set(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
                let key = request.write.pointee.key.array
                let value = [UInt8](request.write.pointee.value.raw)
                lock.with { values[key] = value }
                reply.done()
            }

            override func remove(_ request: UnsafePointer<octavo_state_write_request>, _ reply: WriteReply) throws(PluginError) {
                let key = request.write.pointee.key.array
                lock.with { values[key] = nil }
                reply.done()
            }
        }

        """#

    /// A store whose secrets are a setting.
    static let secrets = #"""
        import PluginKit

        /// A component of the type. Called from several event loops at once (`.inline`), so it must never block.
        final class Store: SecretStore {
            /// Never changed after the start, so it needs no lock.
            private let secrets: [[UInt8]: [UInt8]]

            /// No I/O: what connects is `start`. The settings are only valid here.
            init(_ config: Config, _ instance: Instance) throws(PluginError) {
                var found: [[UInt8]: [UInt8]] = [:]
                for item in config.text("secrets").array.split(separator: UInt8(ascii: ",")) {
                    guard let equals = item.firstIndex(of: UInt8(ascii: "=")), equals > item.startIndex else {
                        throw .invalid("The setting secrets holds an item that is not name=value.")
                    }
                    found[[UInt8](item[..<equals])] = [UInt8](item[(equals + 1)...])
                }
                secrets = found
                super.init(instance, Features(0))
            }

            override func get(_ request: UnsafePointer<octavo_secret_get_request>, _ reply: SecretReply) throws(PluginError) {
                let name = request.pointee.name
                guard let value = secrets[name.array] else {
                    throw PluginError(OCTAVO_CODE_NOT_FOUND, "There is no secret of this name.", reason: "SECRET_NOT_FOUND")
                }
                value.withUnsafeBytes { value in
                    withUnsafePointer(to: octavo_pair(name: name, value: Str(value))) {
                        reply.pairs(UnsafeBufferPointer(start: $0, count: 1))
                    }
                }
            }
        }

        """#

    static func note(id: String, type: String, kind: String) -> String {
        """
        /* What lists show without running any code; must agree with the descriptor in Plugin.swift. */
        #include <octavo/octavo.h>

        OCTAVO_NOTE("\(id)", "0.1.0", 1u << OCTAVO_KIND_\(kind), OCTAVO_PLUGIN_UNLOADABLE, "\(type)");

        """
    }
}
