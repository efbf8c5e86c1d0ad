import PluginHTTP
import PluginKit

/// What the cluster says: a secret, a list of them, an event of a watch, or a status.
struct Answer {
    struct Secret {
        var value = SecretValue(name: [])
        /// Names of pairs that are no text, and so can't be handed over.
        var binary: [[UInt8]] = []
    }

    /// Of a list; one otherwise.
    var secrets: [Secret] = []
    /// Of the list, or of the object.
    var resourceVersion: [UInt8] = []
    /// Where the list goes on; empty at its end.
    var next: [UInt8] = []
    /// Of an event: ADDED, MODIFIED, DELETED, BOOKMARK, ERROR.
    var event: [UInt8] = []
    /// Of a status.
    var code: Int64 = 0
    var message: [UInt8] = []

    /// `nil`: it is no JSON object.
    static func read(_ text: [UInt8]) -> Answer? {
        let found = Collector()
        return text.withUnsafeBytes { bytes in
            do throws(PluginError) { try JSONReader.read(bytes) { found.take($0, $1) } } catch { return nil }
            return found.answer
        }
    }

    private final class Collector {
        var answer = Answer()

        func take(_ whole: [[UInt8]], _ value: [UInt8]) {
            var path = whole[...], place = 0
            guard let first = path.first else { return }
            if first.equals("type"), path.count == 1 { answer.event = value }
            if first.equals("object") { path = path.dropFirst() }
            if first.equals("items") {
                guard path.count > 2, let index = path[1].withUnsafeBytes({ Str($0).decimal }) else { return }
                // They come in their order.
                place = min(Int(index), answer.secrets.count)
                path = path.dropFirst(2)
            }
            guard let head = path.first else { return }
            let member = path.last!
            if head.equals("metadata"), path.count == 2 {
                if member.equals("name") {
                    makeRoom(place)
                    answer.secrets[place].value.name = value
                }
                if first.equals("items") { return }
                if member.equals("resourceVersion") { answer.resourceVersion = value }
                if member.equals("continue") { answer.next = value }
            }
            if head.equals("data"), path.count == 2 { add(member, value, to: place) }
            guard path.count == 1, !first.equals("items") else { return }
            if head.equals("message") { answer.message = value }
            if head.equals("code") { answer.code = Int64(value.withUnsafeBytes { Str($0).decimal } ?? 0) }
        }

        /// There is a secret at that place from now on.
        private func makeRoom(_ place: Int) {
            if place == answer.secrets.count { answer.secrets.append(Secret()) }
        }

        private func add(_ name: [UInt8], _ text: [UInt8], to place: Int) {
            makeRoom(place)
            guard let decoded = Base64.decoded(text), decoded.withUnsafeBytes({ UTF8Check.isText($0) }) else {
                answer.secrets[place].binary.append(name)
                return
            }
            answer.secrets[place].value.pairs.append((name, decoded))
        }
    }
}
