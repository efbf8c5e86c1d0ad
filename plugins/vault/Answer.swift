import PluginHTTP
import PluginKit

/// What the server has answered: the members that are used, of whatever request.
struct Answer {
    /// Of a secret: `data` of version 1, `data.data` of version 2.
    var pairs: [(name: [UInt8], value: [UInt8])] = []
    /// The same as it is written.
    var text: [UInt8] = []
    /// Of a folder.
    var keys: [[UInt8]] = []
    /// Of an engine: 1 or 2.
    var version = 0
    /// This version of the secret was deleted or destroyed.
    var isDeleted = false
    var errors: [UInt8] = []

    /// `nil`: it is no JSON object.
    static func read(_ response: HTTPResponse, isVersioned: Bool) -> Answer? {
        let found = Collector()
        // Above the pairs: how deep they are.
        let depth = isVersioned ? 2 : 1
        return response.body.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes, depth: depth + 1) { found.take($0, $1, depth) }
                if response.isSuccess { try JSONReader.read(bytes, depth: depth) { found.takeText($0, $1, depth) } }
            } catch { return nil }
            return found.answer
        }
    }

    private final class Collector {
        var answer = Answer()

        func take(_ path: [[UInt8]], _ value: [UInt8], _ depth: Int) {
            guard let first = path.first else { return }
            if first.equals("errors"), path.count == 2 {
                if !answer.errors.isEmpty { answer.errors += [0x3B, 0x20] }
                // One error may have several lines.
                answer.errors += value.map { $0 < 0x20 ? 0x20 : $0 }
            }
            guard first.equals("data") else { return }
            if depth == 2, path.count == 3, path[1].equals("metadata") {
                if path[2].equals("deletion_time"), !value.isEmpty { answer.isDeleted = true }
                if path[2].equals("destroyed"), value.equals("true") { answer.isDeleted = true }
            }
            guard path.count == depth + 1, depth == 1 || path[1].equals("data") else { return }
            answer.pairs.append((path[depth], value))
        }

        func takeText(_ path: [[UInt8]], _ value: [UInt8], _ depth: Int) {
            guard path.count == depth, path[0].equals("data"), depth == 1 || path[1].equals("data") else { return }
            answer.text = value
        }
    }

    /// Names in a folder.
    static func keys(_ response: HTTPResponse) -> [[UInt8]]? {
        final class Found { var keys: [[UInt8]] = [] }
        let found = Found()
        return response.body.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes) { path, value in
                    if path.count == 3, path[0].equals("data"), path[1].equals("keys") { found.keys.append(value) }
                }
            } catch { return nil }
            return found.keys
        }
    }

    /// The version of the engine that a mount is; 1 when it does not say.
    static func engineVersion(_ response: HTTPResponse) -> Int? {
        final class Found { var version = 1 }
        let found = Found()
        return response.body.withUnsafeBytes { bytes in
            do throws(PluginError) {
                try JSONReader.read(bytes) { path, value in
                    if path.count == 3, path[0].equals("data"), path[1].equals("options"), path[2].equals("version"), value.equals("2") {
                        found.version = 2
                    }
                }
            } catch { return nil }
            return found.version
        }
    }

    /// What the server says in a refusal.
    static func errors(_ response: HTTPResponse) -> [UInt8] { read(response, isVersioned: false)?.errors ?? [] }
}
