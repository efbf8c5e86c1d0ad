import PluginKit

/// `nameresolution.structuredformat`: a table in the settings, or in a file that is looked at with each request. On a worker thread,
/// for a file may lie on a disk that is slow.
final class StructuredNames: NameResolver {
    static var fields: [Field] {
        [
            .word(
                "structuredType", of: ["jsonString", "yamlString", "jsonFile", "yamlFile", "json", "yaml"], default: "jsonString",
                "jsonString (or json) or yamlString (or yaml): stringValue is the table; jsonFile or yamlFile: filePath names it."),
            .string(
                "stringValue", example: #"{"appInstances":{"orders":[{"ipv4":"10.0.0.7","port":50002}]}}"#,
                "The table: under appInstances a list for each app (orders, or orders.production for one of a namespace) of domain, ipv4 or ipv6, and port."),
            .string("filePath", "File of the table, which is read again when it has changed."),
        ]
    }

    private static let maxSize = 16 << 20
    private static let hint: StaticString = "Check filePath."

    private let isYAML: Bool
    /// Ended by a NUL; `nil`: the table is in the settings.
    private let path: [CChar]?
    private let name: String
    private let lock = Monitor()
    // Behind `lock`.
    private var table: AddressTable?
    private var version = FileVersion()
    /// Why the newest version of the file can't be used.
    private var problem: PluginError?

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        let type = config.text("structuredType")
        let index = config.integer("structuredType") ?? 0
        isYAML = index == 1 || index == 3 || index == 5
        name = config.string("filePath") ?? ""
        if index == 2 || index == 3 {
            guard let path = config.cString("filePath") else { throw .invalid("filePath is missing: structuredType \(type.string) is a file.") }
            self.path = path
        } else {
            path = nil
            let text = config.text("stringValue")
            guard !text.isEmpty else { throw .invalid("stringValue is missing: structuredType \(type.string) is a text in it.") }
            table = try AddressTable(text.array, isYAML: isYAML, "stringValue")
        }
        super.init(instance, Features(0))
    }

    override func start(_ call: Call) throws(PluginError) {
        let problem = lock.with {
            refresh()
            return self.problem
        }
        if let problem { throw problem }
        call.done()
    }

    override func health(_ call: Call) throws(PluginError) { try start(call) }

    override func resolve(_ request: UnsafePointer<octavo_names_resolve_request>, _ reply: NamesReply) throws(PluginError) {
        let app = request.pointee.app_id.array, namespace = request.pointee.name_space.array
        let (table, problem) = lock.with {
            refresh()
            return (self.table, self.problem)
        }
        guard let table else { throw problem ?? .outage("The table of apps has not been read.") }
        reply.answer(table.addresses(app, namespace))
    }

    /// Reads the file if it is another one than before. One that is broken or gone leaves what was read last.
    private func refresh() {
        guard let path else { return }
        do throws(PluginError) {
            guard let now = FileVersion(of: path) else { throw SmallFile.unreadable(path, what: "table of apps", hint: Self.hint) }
            if now == version { return }
            // Also when it is no good: it is looked at again when it is another one.
            version = now
            let text = try SmallFile.read(path, what: "table of apps", limit: Self.maxSize, hint: Self.hint)
            table = try AddressTable(text, isYAML: isYAML, "file \(name)")
            if problem != nil { instance.reportHealth(.healthy, "the table of apps was read") }
            problem = nil
        } catch {
            if problem == nil || !problem!.message.utf8.elementsEqual(error.message.utf8) {
                instance.warn(table == nil ? error.message : error.message + " The last good version stays in use.")
                instance.reportHealth(table == nil ? .unhealthy : .degraded, error.message)
            }
            problem = error
        }
    }
}
