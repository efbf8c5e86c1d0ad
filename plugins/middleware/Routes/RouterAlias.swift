import PluginHTTP
import PluginKit

/// `middleware.http.routeralias`: other paths for those that a table names; what a path had in its places comes as parameters of the
/// query. On event loops.
final class RouterAlias: Filter {
    private enum Segment {
        case text([UInt8])
        case place([UInt8], Pattern?)
    }

    private struct Route {
        var segments: [Segment]
        var target: [UInt8]
    }

    private final class Found { var pairs: [(alias: [UInt8], target: [UInt8])] = [] }

    private let routes: [Route]

    static var fields: [Field] {
        [
            .string(
                "routes", required: true, example: #"{"/orders/{id}": "/v1.0/invoke/orders/method/order"}"#,
                "JSON object of paths and the paths of the API that they stand for. {id}, or {id:[0-9]+}, stands for a segment, which is given as the parameter id.")
        ]
    }

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        let found = Found()
        do throws(PluginError) {
            try JSONReader.read(config.text("routes").raw) { path, value in
                if path.count == 1 { found.pairs.append((path[0], value)) } else { found.pairs.append(([], [])) }
            }
        } catch { throw .invalid("routes is no JSON object: \(error.message).") }
        var routes: [Route] = []
        for pair in found.pairs {
            guard pair.alias.first == 0x2F, pair.target.first == 0x2F else {
                throw .invalid("routes is to have paths and the paths that they stand for, each beginning with a slash.")
            }
            for byte in pair.target where byte <= 0x20 || byte >= 0x7F || byte == 0x23 {
                throw .invalid("routes: the path \(String(decoding: pair.target, as: UTF8.self)) has a byte that is to be escaped.")
            }
            routes.append(Route(segments: try RouterAlias.segments(pair.alias), target: pair.target))
        }
        self.routes = routes
        super.init(instance, Features(0))
    }

    private static func segments(_ alias: [UInt8]) throws(PluginError) -> [Segment] {
        var segments: [Segment] = []
        for part in alias.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false) {
            guard part.first == 0x7B, part.last == 0x7D else {
                segments.append(.text([UInt8](part)))
                continue
            }
            let inner = part.dropFirst().dropLast()
            let colon = inner.firstIndex(of: 0x3A) ?? inner.endIndex
            let name = [UInt8](inner[..<colon])
            guard !name.isEmpty else { throw .invalid("routes: a place has no name in \(String(decoding: alias, as: UTF8.self)).") }
            var pattern: Pattern?
            if colon < inner.endIndex {
                do throws(PluginError) {
                    pattern = try Pattern([0x5E, 0x28] + inner[(colon + 1)...] + [0x29, 0x24])
                } catch { throw .invalid("routes: \(String(decoding: alias, as: UTF8.self)) can't be used: \(error.message).") }
            }
            segments.append(.place(name, pattern))
        }
        return segments
    }

    override func onRequest(_ message: UnsafePointer<octavo_filter_message>, _ reply: FilterReply) throws(PluginError) {
        let whole = message.pointee.path.array
        let mark = whole.firstIndex(of: 0x3F) ?? whole.count
        let parts = whole[..<mark].dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false)
        for route in routes where route.segments.count == parts.count {
            guard var query = match(route, parts) else { continue }
            if mark + 1 < whole.count { query = [UInt8](whole[(mark + 1)...]) + (query.isEmpty ? [] : [0x26]) + query }
            var changes = FilterChanges()
            let joint: UInt8 = route.target.contains(0x3F) ? 0x26 : 0x3F
            changes.path = route.target + (query.isEmpty ? [] : [joint] + query)
            return reply.change(changes)
        }
        reply.pass()
    }

    /// The parameters of the places, as in a query; `nil`: it is another path.
    private func match(_ route: Route, _ parts: [ArraySlice<UInt8>]) -> [UInt8]? {
        var query: [UInt8] = []
        for (segment, part) in zip(route.segments, parts) {
            switch segment {
            case .text(let text): if !part.elementsEqual(text) { return nil }
            case .place(let name, let pattern):
                if part.isEmpty { return nil }
                if let pattern, !part.withUnsafeBytes({ pattern.isFound(in: $0) }) { return nil }
                if !query.isEmpty { query.append(0x26) }
                query += Array(URLText.escaped(name).utf8) + [0x3D]
                // Escapes stay as they are; what means something in a query is escaped, too.
                for byte in part {
                    if byte == 0x25 { query.append(byte) } else { query += Array(URLText.escaped([byte]).utf8) }
                }
            }
        }
        return query
    }
}
