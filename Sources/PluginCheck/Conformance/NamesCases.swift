import COctavo
import Glibc

/// What every name resolver must do, wherever it has the names from.
package enum NamesCases {
    package static let all: [ConformanceCase] = [unknown, unnamed, advertised, moved, several, namespaces]

    private static let advertise = UInt64(OCTAVO_NAMES_ADVERTISE)

    /// A project that `octavo plugin new` has just begun says so of each operation, by this reason alone.
    private static func isNotWritten(_ instance: any PluginCaller) throws -> Bool {
        try ending { _ = try NamesCalls(instance).resolve("") } == "NOT_WRITTEN"
    }

    static let unknown = ConformanceCase(
        "an app that nobody knows is NOT_FOUND", section: "name_resolution.h: octavo_names_resolve_reply"
    ) { instance, scope in
        for namespace in ["", "octavo-check"] {
            let end = try code { _ = try NamesCalls(instance).resolve(scope + "nobody", namespace: namespace) }
            if try isNotWritten(instance) { return }
            try require(end == "NOT_FOUND", "resolve of an app that nobody has advertised ended with \(end), not with NOT_FOUND.")
        }
    }

    static let unnamed = ConformanceCase("an empty id is no app", section: "name_resolution.h: app_id") { instance, scope in
        let end = try code { _ = try NamesCalls(instance).resolve("") }
        if try isNotWritten(instance) { return }
        try require(
            ["NOT_FOUND", "INVALID_ARGUMENT"].contains(end), "resolve of an empty id ended with \(end), not with NOT_FOUND or INVALID_ARGUMENT.")
    }

    /// Waits until exactly these are found.
    private static func expect(
        _ names: NamesCalls, _ app: String, _ wanted: [String], namespace: String = "", _ what: String
    ) throws {
        var found: [String] = []
        let isSo = try within(seconds: 20) {
            do { found = try names.resolve(app, namespace: namespace) } catch let failure as PluginFailure where failure.code == OCTAVO_CODE_NOT_FOUND {
                found = []
            }
            return found == wanted.sorted()
        }
        try require(isSo, "\(what) resolve still gave \(found) after 20 s, not \(wanted.sorted()).")
    }

    static let advertised = ConformanceCase(
        "what is advertised is found until it is withdrawn", needs: advertise, section: "name_resolution.h: advertise, withdraw"
    ) { instance, scope in
        let names = NamesCalls(instance), one = try Listening()
        try names.advertise(scope + "a", "one", "127.0.0.1", one.port)
        try expect(names, scope + "a", ["127.0.0.1:\(one.port)"], "After advertise")
        try names.withdraw(scope + "a", "one", "127.0.0.1", one.port)
        try expect(names, scope + "a", [], "After withdraw")
        let end = try code { try names.withdraw(scope + "a", "one", "127.0.0.1", one.port) }
        try require(["done", "NOT_FOUND"].contains(end), "A second withdraw ended with \(end), not with OK or NOT_FOUND.")
    }

    static let moved = ConformanceCase(
        "an instance that is advertised again is found at its new address alone", needs: advertise, section: "name_resolution.h: instance"
    ) { instance, scope in
        let names = NamesCalls(instance), old = try Listening(), new = try Listening()
        try names.advertise(scope + "a", "one", "127.0.0.1", old.port)
        try expect(names, scope + "a", ["127.0.0.1:\(old.port)"], "After advertise")
        try names.advertise(scope + "a", "one", "127.0.0.1", new.port)
        try expect(names, scope + "a", ["127.0.0.1:\(new.port)"], "After a second advertise of the instance with another port")
        try names.withdraw(scope + "a", "one", "127.0.0.1", new.port)
        try expect(names, scope + "a", [], "After withdraw")
    }

    static let several = ConformanceCase(
        "all instances of an app are found, and the others stay when one goes", needs: advertise, section: "name_resolution.h: resolve"
    ) { instance, scope in
        let names = NamesCalls(instance), places = try (0..<3).map { _ in try Listening() }
        for (index, place) in places.enumerated() { try names.advertise(scope + "a", "\(index)", "127.0.0.1", place.port) }
        try expect(names, scope + "a", places.map { "127.0.0.1:\($0.port)" }, "After three instances were advertised")
        try names.withdraw(scope + "a", "1", "127.0.0.1", places[1].port)
        try expect(names, scope + "a", [0, 2].map { "127.0.0.1:\(places[$0].port)" }, "After the second of three instances was withdrawn")
        for index in [0, 2] { try names.withdraw(scope + "a", "\(index)", "127.0.0.1", places[index].port) }
        try expect(names, scope + "a", [], "After all were withdrawn")
    }

    static let namespaces = ConformanceCase(
        "an app of one namespace is not that of another", needs: advertise, section: "name_resolution.h: name_space"
    ) { instance, scope in
        let names = NamesCalls(instance), one = try Listening(), other = try Listening()
        try names.advertise(scope + "a", "one", "127.0.0.1", one.port, namespace: "blue")
        try names.advertise(scope + "a", "other", "127.0.0.1", other.port, namespace: "green")
        try expect(names, scope + "a", ["127.0.0.1:\(one.port)"], namespace: "blue", "In the namespace of the first instance")
        try expect(names, scope + "a", ["127.0.0.1:\(other.port)"], namespace: "green", "In the namespace of the second instance")
        try names.withdraw(scope + "a", "one", "127.0.0.1", one.port, namespace: "blue")
        try expect(names, scope + "a", [], namespace: "blue", "After withdraw")
        try names.withdraw(scope + "a", "other", "127.0.0.1", other.port, namespace: "green")
    }
}

/// A port of 127.0.0.1 that somebody listens on: resolvers may look.
private final class Listening {
    let port: Int
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let failed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) != 0 || listen(descriptor, 64) != 0 || getsockname(descriptor, $0, &length) != 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        if failed { throw CaseFailure(description: "There is no port of 127.0.0.1 to listen on.") }
    }

    deinit { close(descriptor) }
}
