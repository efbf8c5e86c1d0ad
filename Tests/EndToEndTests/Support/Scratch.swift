import Foundation

/// A folder of one test's own, with a path short enough for Unix sockets (107 bytes). Gone with its owner.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/octavo-e2e-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Trouble("no temporary folder: \(String(cString: strerror(errno)))") }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let path = file(name)
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    func read(_ name: String) -> String {
        (try? Data(contentsOf: URL(fileURLWithPath: file(name)))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// Why a test can't go on.
struct Trouble: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Polls until `condition` gives a value; throws with `what` when the deadline is over.
func eventually<Value>(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(15),
    _ condition: () async throws -> Value?
) async throws -> Value {
    let end = ContinuousClock.now + limit
    while true {
        if let value = try await condition() { return value }
        guard ContinuousClock.now < end else { throw Trouble("not within \(limit): \(what())") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
