import CPluginYAML
import PluginHTTP
import PluginKit

/// A kubeconfig file: the cluster and the user of its current context.
enum KubeConfig {
    private static let maxSize = 4 << 20

    static func read(_ path: String) throws(PluginError) -> Cluster {
        let bytes = try SmallFile.read(
            path.utf8.map { CChar(bitPattern: $0) } + [0], what: "kubeconfig", limit: maxSize, hint: "Check kubeconfigPath.")
        let leaves = try leaves(bytes, path)
        // Files that it names are beside it.
        let written = Array(path.utf8)
        let folder = String(decoding: written[..<((written.lastIndex(of: 0x2F) ?? -1) + 1)], as: UTF8.self)
        do throws(PluginError) { return try cluster(leaves, folder) } catch {
            throw PluginError(error.code, "The kubeconfig \(path): \(error.message)", flags: error.flags)
        }
    }

    private final class Leaves {
        var all: [(path: [[UInt8]], value: [UInt8])] = []
    }

    private static func leaves(_ yaml: [UInt8], _ path: String) throws(PluginError) -> Leaves {
        var problem = [CChar](repeating: 0, count: 256)
        // Never empty, so that it has an address.
        let text = yaml + [0x0A]
        let json = text.withUnsafeBytes { bytes in
            plugin_yaml_to_json(bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count, &problem, problem.count)
        }
        guard let json else {
            throw .invalid("The kubeconfig \(path) is no good YAML: \(String(decoding: problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)).")
        }
        defer { free(json) }
        let found = Leaves()
        do throws(PluginError) {
            try JSONReader.read(UnsafeRawBufferPointer(start: json, count: strlen(json))) { found.all.append(($0, $1)) }
        } catch {
            throw .invalid("The kubeconfig \(path) can't be read: \(error.message).")
        }
        return found
    }

    /// A member of the entry of a list ("clusters", "users", "contexts") that bears that name.
    private struct Entry {
        let leaves: Leaves
        let list: StaticString
        /// "cluster", "user", "context".
        let body: StaticString
        let index: [UInt8]

        init?(_ leaves: Leaves, _ list: StaticString, _ body: StaticString, named name: [UInt8]) {
            for leaf in leaves.all where leaf.path.count == 3 && leaf.path[0].equals(list) && leaf.path[2].equals("name") && leaf.value == name {
                (self.leaves, self.list, self.body, index) = (leaves, list, body, leaf.path[1])
                return
            }
            return nil
        }

        /// `nil` when it is absent or empty.
        func value(_ member: StaticString) -> [UInt8]? {
            for leaf in leaves.all
            where leaf.path.count == 4 && leaf.path[0].equals(list) && leaf.path[1] == index && leaf.path[2].equals(body)
                && leaf.path[3].equals(member) && !leaf.value.isEmpty {
                return leaf.value
            }
            return nil
        }

        /// Whether it has a member that is not a text.
        func has(_ member: StaticString) -> Bool {
            leaves.all.contains {
                $0.path.count > 4 && $0.path[0].equals(list) && $0.path[1] == index && $0.path[2].equals(body) && $0.path[3].equals(member)
            }
        }
    }

    private static func cluster(_ leaves: Leaves, _ folder: String) throws(PluginError) -> Cluster {
        guard let current = leaves.all.first(where: { $0.path.count == 1 && $0.path[0].equals("current-context") }), !current.value.isEmpty else {
            throw .invalid("it has no current-context.")
        }
        let name = String(decoding: current.value, as: UTF8.self)
        guard let context = Entry(leaves, "contexts", "context", named: current.value) else {
            throw .invalid("it has no context \(name), which is its current-context.")
        }
        guard let place = context.value("cluster"), let server = Entry(leaves, "clusters", "cluster", named: place),
            var address = server.value("server")
        else { throw .invalid("its context \(name) names no cluster that has a server.") }
        while address.last == 0x2F { address.removeLast() }
        var found = Cluster()
        found.address = String(decoding: address, as: UTF8.self)
        found.namespace = context.value("namespace") ?? []
        found.http.tls.authority = try material(server, "certificate-authority", "certificate-authority-data", folder)
        found.http.tls.serverName = server.value("tls-server-name").map { String(decoding: $0, as: UTF8.self) }
        found.http.tls.verifies = !(server.value("insecure-skip-tls-verify")?.equals("true") ?? false)
        found.http.proxy = server.value("proxy-url").map { String(decoding: $0, as: UTF8.self) }
        guard let who = context.value("user"), let user = Entry(leaves, "users", "user", named: who) else { return found }
        if user.has("exec") || user.has("auth-provider") {
            throw PluginError(
                OCTAVO_CODE_UNIMPLEMENTED,
                "its user \(String(decoding: who, as: UTF8.self)) gets its token from a program, which is not run here. Use a token, a tokenFile or a certificate.",
                flags: OCTAVO_ERROR_PERMANENT)
        }
        // Of a file and a text the file counts, as with kubectl.
        if let path = user.value("tokenFile") {
            found.token = .file(FileText(absolute(path, folder), what: "tokenFile of the kubeconfig", hint: "Check kubeconfigPath."))
        } else if let token = user.value("token") {
            found.token = .fixed(token)
        }
        found.http.tls.certificate = try material(user, "client-certificate", "client-certificate-data", folder)
        found.http.tls.key = try material(user, "client-key", "client-key-data", folder)
        return found
    }

    /// PEM text, or the path of a file.
    private static func material(_ entry: Entry, _ file: StaticString, _ data: StaticString, _ folder: String) throws(PluginError) -> String? {
        if let text = entry.value(data) {
            guard let decoded = Base64.decoded(text) else { throw .invalid("\(Str(data).string) is not base64.") }
            return String(decoding: decoded, as: UTF8.self)
        }
        return entry.value(file).map { absolute($0, folder) }
    }

    private static func absolute(_ path: [UInt8], _ folder: String) -> String {
        let text = String(decoding: path, as: UTF8.self)
        return path.first == 0x2F ? text : folder + text
    }
}
